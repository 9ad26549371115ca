#include "tests/net/client/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace berth::client {
namespace {

int listen_on(uint16_t& port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(socket_fd, 128), 0);
  socklen_t bytes = sizeof(address);
  getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  port = ntohs(address.sin_port);
  return socket_fd;
}

}  // namespace

ScriptedServer::ScriptedServer(Script script, uint16_t port)
    : script_(std::move(script)), port_(port), listener_(listen_on(port_)) {
  uv_loop_init(&loop_);
  shared_ = std::make_unique<net::StreamLoop>(&loop_);
  uv_async_init(&loop_, &async_, [](uv_async_t* handle) {
    ScriptedServer* self = static_cast<ScriptedServer*>(handle->data);
    std::vector<std::function<void()>> tasks;
    {
      std::lock_guard lock(self->mutex_);
      tasks.swap(self->tasks_);
    }
    for (const std::function<void()>& task : tasks)
      task();
  });
  uv_poll_init(&loop_, &poll_, listener_);
  async_.data = poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<ScriptedServer*>(handle->data)->on_acceptable();
  });
  thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
}

ScriptedServer::~ScriptedServer() {
  run([this] {
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
    for (net::FrameStream* stream : streams_)
      stream->close(net::CloseReason::Local);
  });
  thread_.join();
  uv_loop_close(&loop_);
  close(listener_);
}

void ScriptedServer::run(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  uv_async_send(&async_);
}

void ScriptedServer::drop_connections() {
  run([this] {
    for (net::FrameStream* stream : streams_)
      stream->close(net::CloseReason::Local);
  });
}

void ScriptedServer::send_event(const wire::Reply& event) {
  run([this, event] {
    for (net::FrameStream* stream : streams_) {
      encoder_.encode({0}, event, stream->out());
      stream->flush();
    }
  });
}

void ScriptedServer::on_acceptable() {
  while (true) {
    const int accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) return;
    auto stream = std::make_unique<net::FrameStream>(
        *shared_, limits_, static_cast<net::FrameHandler&>(*this));
    streams_.push_back(stream.get());
    stream.release()->open(accepted);  // deleted in on_closed
  }
}

void ScriptedServer::on_frame(net::FrameStream& stream, const wire::Frame& frame) {
  wire::Request request;
  ASSERT_EQ(decoder_.decode(frame.payload, request), wire::DecodeStatus::Ok);
  std::optional<wire::Reply> reply = script_(request);
  if (std::holds_alternative<wire::Hello>(request)) {
    ++greetings_;
    if (!reply) reply = wire::Welcome{.software = "scripted", .max_frame_bytes = 1u << 20};
  }
  if (reply) encoder_.encode(frame.request, *reply, stream.out());
}

void ScriptedServer::on_closed(net::FrameStream& stream, net::CloseReason) {
  std::erase(streams_, &stream);
  delete &stream;
}

}  // namespace berth::client
