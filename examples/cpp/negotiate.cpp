// Two of these negotiate as two peers of a call do: the one that was there first offers, the other
// answers, both send candidates. Where a WebRTC library comes in is marked; README.md shows it with
// libdatachannel.
//
//   sigway-negotiate http://localhost:8080 garden     (twice)

#include <sigway/client.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>

namespace {

class Call {
 public:
  Call(const std::string& url, const std::string& room)
      : signaling_({.url = url, .room = room},
                   {.on_event = [this](const sigway::ClientEvent& event) { hear(event); },
                    .on_closed = [this](const sigway::ClientEnd& end) { finish(end.message); }}) {}

  // True if it came to an understanding.
  bool wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_.has_value(); });
    if (!over_->empty()) std::fprintf(stderr, "%s\n", over_->c_str());
    return over_->empty() && signaling_.flush(std::chrono::seconds(5));
  }

 private:
  void hear(const sigway::ClientEvent& event) {
    std::printf("%s\n", event.json.c_str());
    std::fflush(stdout);
    if (event.type == "peer-joined") {
      // Here: create the peer connection, and send its local description and candidates.
      signaling_.send("offer", R"({"type":"offer","sdp":"v=0"})", {event.peer});
      signaling_.send("candidate", R"([{"candidate":"candidate:1","sdpMid":"0"}])", {event.peer});
    } else if (event.type == "offer") {
      // Here: set the remote description (event.data), and send the answer and candidates.
      signaling_.send("answer", R"({"type":"answer","sdp":"v=0"})", {event.from});
      signaling_.send("candidate", R"([{"candidate":"candidate:2","sdpMid":"0"}])", {event.from});
      answered_ = true;
    } else if (event.type == "answer") {
      answered_ = true;  // Here: set the remote description.
    } else if (event.type == "candidate") {
      // Here: add the candidates.
      if (answered_) finish({});
    } else if (event.type == "full" || event.type == "error") {
      finish("refused: " + event.json);
    }
  }

  void finish(std::string why) {
    const std::lock_guard lock(mutex_);
    if (!over_) over_ = std::move(why);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> over_;
  bool answered_ = false;
  sigway::Client signaling_;  // the last: its thread uses the others
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s http://localhost:8080 ROOM\n", argv[0]);
    return 2;
  }
  try {
    return Call(argv[1], argv[2]).wait() ? 0 : 1;
  } catch (const sigway::ClientError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
