#include "tests/net/gateway/gateway_lab.h"

#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "net/address.h"

namespace berth::net {
namespace {

constexpr uint64_t kPlan = 7;  // the newest

core::Settings one_shard() {
  core::Settings settings;
  settings.shards = 1;
  return settings;
}

std::string unchunked(std::string_view body) {
  std::string text;
  while (true) {
    const size_t size = std::stoul(std::string(body.substr(0, body.find('\r'))), nullptr, 16);
    body.remove_prefix(body.find('\n') + 1);
    if (size == 0) return text;
    text += body.substr(0, size);
    body.remove_prefix(size + 2);
  }
}

std::string unzipped(const std::string& bytes) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  std::string text(16u << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

}  // namespace

FakeFleet::FakeFleet(uint32_t workers) {
  for (uint32_t i = 0; i < workers; ++i)
    ids_.push_back("w" + std::to_string(i));
}

std::string FakeFleet::ids() const {
  std::string all;
  for (const std::string& id : ids_)
    all += all.empty() ? id : " " + id;
  return all;
}

void FakeFleet::ask(Peer& peer, wire::RequestId id, const wire::Request& request) {
  if (const auto* list = std::get_if<wire::ListWorkers>(&request)) {
    return list_workers(peer, id, *list);
  }
  if (const auto* get = std::get_if<wire::GetPlan>(&request)) return get_plan(peer, id, *get);
  peer.on_reply(id, wire::JobPage{});
}

bool FakeFleet::withholds(Peer& peer, wire::RequestId id, uint64_t cursor) {
  if (cursor > 0) ++next_pages;
  if (cursor == 0 || answers) return false;
  peer.on_reply(id, wire::Refused{wire::Refusal::Busy, "busy"});
  return true;
}

void FakeFleet::list_workers(Peer& peer, wire::RequestId id, const wire::ListWorkers& list) {
  if (withholds(peer, id, list.cursor)) return;
  EXPECT_NE(list.limit, 0u) << "as many as there are is too much for a piece";
  const size_t end = std::min<size_t>(list.cursor + list.limit, ids_.size());
  std::vector<wire::WorkerRow> rows;
  for (size_t i = list.cursor; i < end; ++i)
    rows.emplace_back().id = ids_[i];
  wire::WorkerPage page;
  page.rows = rows;
  page.next_cursor = end == ids_.size() ? 0 : end;
  page.total = static_cast<uint32_t>(ids_.size());
  peer.on_reply(id, page);
}

void FakeFleet::get_plan(Peer& peer, wire::RequestId id, const wire::GetPlan& get) {
  if (withholds(peer, id, get.cursor)) return;
  EXPECT_NE(get.limit, 0u) << "as many as there are is too much for a piece";
  EXPECT_EQ(get.plan, get.cursor == 0 ? 0 : kPlan) << "the newest may be another by now";
  const size_t end = std::min<size_t>(get.cursor + get.limit, ids_.size());
  std::vector<wire::PlannedJob> jobs;
  for (size_t i = get.cursor; i < end; ++i)
    jobs.emplace_back().worker = ids_[i];
  wire::PlanDetails details;
  details.row.id = kPlan;
  details.jobs = jobs;
  details.next_cursor = end == ids_.size() ? 0 : static_cast<uint32_t>(end);
  peer.on_reply(id, details);
}

GatewayLab::GatewayLab(uint32_t workers)
    : fleet(workers), tables_(one_shard()), identity_{.software = "berthd", .token = ""} {
  uv_loop_init(&loop_);
  streams_ = std::make_unique<StreamLoop>(&loop_);
  std::string problem;
  EXPECT_TRUE(numeric_address({"127.0.0.1", 0}, address_));
  HttpOptions options;
  options.socket = listen_on(reinterpret_cast<sockaddr*>(&address_), PortShare::None, problem);
  EXPECT_TRUE(bound_address(options.socket, address_)) << problem;
  http_ = std::make_unique<HttpConnections>(
      *streams_, options, fleet, tables_, identity_, tables_.counters.of(0));
  http_->start();
}

GatewayLab::~GatewayLab() {
  http_->stop();
  while (uv_run(&loop_, UV_RUN_NOWAIT) != 0) {}
  http_.reset();
  EXPECT_EQ(uv_loop_close(&loop_), 0);
}

void GatewayLab::turn() {
  uv_run(&loop_, UV_RUN_NOWAIT);
  http_->on_turn_end();
}

LabClient::LabClient(GatewayLab& lab, const std::string& target, const std::string& headers)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const auto* to = reinterpret_cast<const sockaddr*>(&lab.address_);
  EXPECT_EQ(::connect(socket_, to, sizeof(sockaddr_in)), 0);
  const std::string text = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" +
                           "Connection: close\r\n" + headers + "\r\n";
  EXPECT_EQ(::send(socket_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}

LabClient::~LabClient() {
  leave();
}

void LabClient::leave() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

bool LabClient::done() {
  std::string bytes(64 * 1024, '\0');
  while (!ended_) {
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0) return false;
    ended_ = count == 0;
    answer_.append(bytes, 0, static_cast<size_t>(count));
  }
  return true;
}

std::string LabClient::body() const {
  const size_t head_bytes = answer_.find("\r\n\r\n") + 4;
  const std::string_view head = std::string_view(answer_).substr(0, head_bytes);
  std::string text = answer_.substr(head_bytes);
  if (head.find("chunked") != head.npos) text = unchunked(text);
  if (head.find("Content-Encoding: gzip") != head.npos) text = unzipped(text);
  return text;
}

}  // namespace berth::net
