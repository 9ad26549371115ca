#include "tests/net/http/http_lab.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "net/address.h"

namespace berth::net {
namespace {

HttpLab* lab_of(const void* handle) {
  return static_cast<HttpLab*>(static_cast<const uv_handle_t*>(handle)->data);
}

size_t bytes_wanted(const HttpRequest& request) {
  return request.query().empty() ? 0 : std::stoul(std::string(request.query()[0].first));
}

}  // namespace

HttpLab::HttpLab(const HttpLimits& http_limits) : limits_(http_limits) {
  uv_loop_init(&loop_);
  shared_ = std::make_unique<StreamLoop>(&loop_);
  sockaddr_storage bound;
  const HostPort any = {"127.0.0.1", 0};
  std::string problem;
  EXPECT_TRUE(numeric_address(any, bound));
  const int socket = listen_on(reinterpret_cast<sockaddr*>(&bound), PortShare::None, problem);
  EXPECT_TRUE(bound_address(socket, bound)) << problem;
  address_ = format_address(reinterpret_cast<sockaddr*>(&bound));
  listener_ = std::make_unique<Listener>(&loop_, socket, static_cast<Listener::Handler&>(*this));
  listener_->start();
  uv_timer_init(&loop_, &sweep_);
  uv_check_init(&loop_, &turn_end_);
  uv_async_init(&loop_, &stop_, [](uv_async_t* handle) {
    HttpLab* self = lab_of(handle);
    self->listener_->stop();
    for (const auto& entry : self->all_)
      entry.first->close(CloseReason::Local);
    for (void* own : {(void*)&self->sweep_, (void*)&self->turn_end_, (void*)&self->stop_})
      uv_close(static_cast<uv_handle_t*>(own), nullptr);
  });
  sweep_.data = turn_end_.data = stop_.data = this;
  uv_timer_start(
      &sweep_, [](uv_timer_t* handle) { lab_of(handle)->sweep(); }, 10, 10);
  uv_check_start(&turn_end_, [](uv_check_t* handle) { lab_of(handle)->on_turn_end(); });
  thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
}

HttpLab::~HttpLab() {
  uv_async_send(&stop_);
  thread_.join();
  EXPECT_EQ(uv_loop_close(&loop_), 0);
}

void HttpLab::on_accept(int socket) {
  auto connection = std::make_unique<HttpConnection>(
      *shared_, stream_limits, limits_, budget, static_cast<HttpHost&>(*this));
  HttpConnection& one = *connection;
  all_[&one] = std::move(connection);
  ++connections;
  one.open(socket);
}

void HttpLab::on_http_request(HttpConnection& connection) {
  ++requests;
  const HttpRequest& request = connection.request();
  EXPECT_TRUE(connection.waiting());
  if (request.path() == "/echo") return echo(connection);
  if (request.path() == "/later") return later_.push_back(&connection);
  if (request.path() == "/never") return;
  if (request.path() == "/large") {
    const std::string text(bytes_wanted(request), 'x');
    return connection.respond({.content_type = kTextType, .body = text});
  }
  if (request.path() == "/stream") {
    left_[&connection] = bytes_wanted(request);
    connection.begin({.content_type = kTextType});
    return stream(connection);
  }
  connection.respond({.status = request.path() == "/empty" ? 204 : 404});
}

void HttpLab::echo(HttpConnection& connection) {
  const HttpRequest& request = connection.request();
  const std::string body = std::string(http_method_name(request.method)) + " " +
                           std::string(request.path()) + " [" + std::string(request.body()) + "]";
  connection.respond({.content_type = kTextType, .body = body});
}

void HttpLab::stream(HttpConnection& connection) {
  size_t& left = left_[&connection];
  while (connection.writable() && left > 0) {
    const std::string piece(std::min<size_t>(left, 4096), 'x');
    left -= piece.size();
    connection.write(piece);
    unsent_most = std::max<size_t>(unsent_most, connection.unsent());
  }
  if (left == 0) connection.end();
}

void HttpLab::on_http_bad(HttpConnection& connection, int status, std::string_view problem) {
  connection.respond({.status = status, .content_type = kTextType, .body = problem});
}

void HttpLab::on_http_closed(HttpConnection& connection) {
  std::erase(dirty_, &connection);
  std::erase(later_, &connection);
  left_.erase(&connection);
  all_.erase(&connection);
  ++ended;
}

void HttpLab::on_turn_end() {
  // As the gateway does it: what was dirty goes on, and may answer and be dirty again.
  for (HttpConnection* connection : std::exchange(later_, {}))
    echo(*connection);
  while (!dirty_.empty()) {
    for (HttpConnection* connection : std::exchange(dirty_, {})) {
      unsent_most = std::max<size_t>(unsent_most, connection->unsent());
      connection->proceed();
    }
  }
}

void HttpLab::sweep() {
  for (const auto& entry : all_)
    entry.first->sweep_all();
}

}  // namespace berth::net
