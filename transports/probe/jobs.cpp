#include "probe/jobs.h"

#include <string>
#include <utility>

#include "probe/stream.h"

namespace sigway::probe {
namespace {

// More than this unread by the client, and a stream waits for it instead of piling up.
constexpr std::size_t kMostQueued = 128 * 1024;

}  // namespace

class Jobs::Job {
 public:
  Job(Jobs& jobs, net::Shard& shard, Permit permit)
      : jobs_(jobs), shard_(shard), permit_(std::move(permit)), serial_(jobs.next_++) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  std::uint64_t serial() const { return serial_; }

 protected:
  virtual void on_timer() = 0;
  void wake_in(base::Duration delay) { shard_.schedule_in(timer_, delay); }
  net::Shard& shard() { return shard_; }
  void finish() { jobs_.remove(serial_); }  // `this` is gone after it

 private:
  Jobs& jobs_;
  net::Shard& shard_;
  Permit permit_;
  const std::uint64_t serial_;
  base::Timer timer_ = base::Timer::calling<&Job::on_timer>(this);
};

class Jobs::Hold final : public Job {
 public:
  Hold(Jobs& jobs, http::Exchange& exchange, net::Shard& shard, const Query& query,
       std::string answer, Permit permit)
      : Job(jobs, shard, std::move(permit)),
        replies_(exchange.replies()),
        to_(exchange.id()),
        answer_(std::move(answer)) {
    wake_in(query.hold);
  }

 private:
  void on_timer() override {
    auto response = http::Response::json(200, std::move(answer_));
    response.set("Cache-Control", "no-store");
    replies_.respond(to_, std::move(response));
    finish();
  }

  http::Replies& replies_;
  const http::ExchangeId to_;
  std::string answer_;
};

class Jobs::Stream final : public Job {
 public:
  Stream(Jobs& jobs, http::Exchange& exchange, net::Shard& shard, const Query& query, Permit permit)
      : Job(jobs, shard, std::move(permit)),
        query_(query),
        began_(shard.now()),
        stream_(exchange.begin_stream(stream_head(query.type))) {
    write_next();
  }
  ~Stream() override { stream_->end(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

 private:
  void write_next() {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(shard().now() - began_);
    stream_->write(chunk(query_.type, written_++, at, query_.size));
    wake_in(written_ == query_.count ? base::Duration{} : query_.interval);
  }

  void on_timer() override {
    if (written_ == query_.count || stream_->is_closed()) return finish();
    // Who reads slower than it asked for gets fewer chunks, and the same end.
    if (stream_->queued_bytes() > kMostQueued) {
      ++written_;
      return wake_in(query_.interval);
    }
    write_next();
  }

  const Query query_;
  const base::TimePoint began_;
  std::shared_ptr<http::StreamWriter> stream_;
  std::size_t written_ = 0;
};

Jobs::Jobs() = default;
Jobs::~Jobs() = default;

void Jobs::remove(std::uint64_t serial) { running_.erase(serial); }

void Jobs::run(http::Exchange& exchange, std::unique_ptr<Job> job) {
  const auto serial = job->serial();
  running_.emplace(serial, std::move(job));
  exchange.on_gone([this, serial] { remove(serial); });
}

void Jobs::hold(http::Exchange& exchange, net::Shard& shard, const Query& query, std::string answer,
                Permit permit) {
  run(exchange,
      std::make_unique<Hold>(*this, exchange, shard, query, std::move(answer), std::move(permit)));
}

void Jobs::stream(http::Exchange& exchange, net::Shard& shard, const Query& query, Permit permit) {
  run(exchange, std::make_unique<Stream>(*this, exchange, shard, query, std::move(permit)));
}

}  // namespace sigway::probe
