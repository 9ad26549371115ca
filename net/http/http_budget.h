#pragma once

#include <cstddef>
#include <string>

namespace berth::net {

/// What all connections together may keep of requests that are not answered yet, above the little
/// that each may keep in any case: those who send little are served whatever others do.
///
/// Threads  one owner, the loop of the connections
struct HttpBudget {
  static constexpr size_t kOwnBytes = 16 * 1024;  ///< of every share, not counted

  size_t bytes_max = 256u << 20;
  size_t bytes = 0;  ///< that are in use
};

/// One text's part of the budget: what it has room for, not only what it holds.
///
/// Memory   the text's; counted until `give_back` or the end of this
/// Errors   false, and nothing has changed: others hold too much
class HttpShare {
 public:
  /// Null: there is no budget.
  explicit HttpShare(HttpBudget* budget) : budget_(budget) {}
  ~HttpShare() { count(0); }
  HttpShare(const HttpShare&) = delete;
  HttpShare& operator=(const HttpShare&) = delete;

  /// Room for `bytes` more in `text`, always the same one.
  [[nodiscard]] bool grow(std::string& text, size_t bytes);
  /// Frees what the text has room for, if that is over `kept_max`.
  void give_back(std::string& text, size_t kept_max = 0);

 private:
  void count(size_t bytes);

  HttpBudget* const budget_;
  size_t counted_ = 0;
};

}  // namespace berth::net
