// A program of somebody who has the installed library and pkg-config: asks the other member of a
// room, and answers it.
#include <sigway/client.h>

#include <future>
#include <iostream>
#include <string>

int main(int count, char** arguments) {
  if (count != 4) return 2;
  std::promise<void> ready, over;
  std::promise<sigway::ClientAnswer> answered, failed;
  sigway::ClientOptions options;
  options.url = arguments[1];
  options.room = arguments[2];
  options.deadline = std::chrono::milliseconds(std::stoi(arguments[3]));
  sigway::ClientHandlers handlers;
  handlers.on_event = [&](const sigway::ClientEvent& event) {
    if (event.type == "ready") ready.set_value();
    if (event.type == "bye") over.set_value();
    if (event.type == "double" || event.type == "treble")
      std::cout << "heard " << event.json << '\n';
  };
  handlers.on_closed = [](const sigway::ClientEnd& end) {
    std::cout << end.code << ": " << end.message << '\n';
  };
  sigway::Client client(options, handlers);
  client.respond("treble", [](const sigway::ClientEvent& event) {
    if (event.data == "0") throw sigway::ClientError("no_zero", "nothing to treble");
    return std::to_string(3 * std::stoi(event.data));
  });
  if (!client.wait_open(std::chrono::minutes(2))) {
    client.close();
    try {
      client.send("late");
    } catch (const sigway::ClientError& error) {
      std::cout << error.code() << '\n';
    }
    return 3;
  }
  ready.get_future().wait();
  client.request("double", "21", [&](const auto& answer) { answered.set_value(answer); });
  client.request("double", "\"x\"", [&](const auto& answer) { failed.set_value(answer); });
  const auto answer = answered.get_future().get(), failure = failed.get_future().get();
  std::cout << "twice 21 is " << answer.data << answer.code << '\n'
            << failure.code << ": " << failure.message << std::endl;
  over.get_future().wait();
  std::promise<std::string> closed;
  client.request("never", {}, [&](const auto& late) { closed.set_value(late.code); });
  client.flush(std::chrono::minutes(1));
  client.close();
  std::cout << "then " << closed.get_future().get() << '\n';
  return 0;
}
