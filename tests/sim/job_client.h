#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/world.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/spec.h"

namespace berth::sim {

/// A client that submits jobs of every shape, changes its mind about some, and watches them all.
///
/// A submit whose answer was lost with its connection is repeated until it is answered; an answer
/// to a repetition has to be that of the first. The watch resumes where it was.
class JobClient {
 public:
  /// Told of every event, with the one seen before it; 0: it is the first.
  using OnEvent = std::function<void(uint64_t before, const wire::JobEvent& event)>;

  JobClient(
      World& world,
      Network& network,
      std::string name,
      std::string server,
      std::vector<std::string> workers,
      OnEvent on_event);

  void start();
  /// Nothing new from now on; what has no answer is still asked. Workers are back in service.
  void rest();
  /// Submits that nobody has answered.
  size_t unanswered() const { return unsure_.size(); }
  void abort(uint64_t job);
  Process& process() { return process_; }

 private:
  enum class Kind : uint8_t {
    Hello,
    Ping,
    Submit,
    Wait,
    Watch,
    Change,
    List,
    Show,
    Explain,
    Log,
    SetWorker
  };
  struct Submit {
    std::vector<std::vector<std::byte>> specs;
    std::vector<wire::JobRange> answer;  ///< empty: none yet
  };
  struct Asked {
    Kind kind;
    std::string request;  ///< of a Submit
  };

  void connect();
  void on_bytes(std::span<const std::byte> bytes);
  void on_reply(wire::RequestId id, const wire::Reply& reply);
  void on_pushed(const wire::Reply& reply);
  void on_welcome();
  void on_submitted(const std::string& request, const wire::JobsSubmitted& submitted);
  void ask();
  void ask_submit();
  void ask_again();
  void ask_change();
  void ask_wait();
  void ask_log();
  void set_worker();
  std::vector<std::byte> random_spec(size_t position);
  void schedule(wire::JobSpec& spec);
  void send_submit(const std::string& request);
  void send(Kind kind, const wire::Request& request, std::string about = {});
  wire::JobId any_job();

  World& world_;
  Network& network_;
  Process process_;
  const std::string server_;
  const std::vector<std::string> workers_;
  const OnEvent on_event_;
  std::shared_ptr<Socket> socket_;
  FrameReader reader_;
  bool greeted_ = false;
  bool resting_ = false;
  uint32_t next_id_ = 1;
  uint32_t next_request_ = 1;
  std::map<uint32_t, Asked> asked_;
  std::map<std::string, Submit> submits_;  ///< by request id
  std::map<std::string, bool> unsure_;     ///< those without an answer
  std::vector<wire::JobRange> jobs_;       ///< it was told of
  uint64_t seen_ = 0;                      ///< the last event
  wire::SpecEncoder specs_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
};

}  // namespace berth::sim
