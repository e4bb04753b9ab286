// The control socket: a Unix stream socket that takes one line of JSON and answers with one. Runs on the
// control lcore, never blocks, and drops clients that dawdle.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/time.h"

namespace linecast::app {

class ControlServer {
 public:
  // Returns the answer to a request line; must not throw.
  using Handler = std::function<std::string(const std::string& request)>;

  // Takes over a socket that nobody listens on. Throws Error where the path is in use or can't be made.
  ControlServer(std::string path, Handler handler);
  ~ControlServer();  // removes the socket
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Serves what is ready, waiting up to `timeout_ms` for it. True where `wake_fd` is readable. now:
  // monotonic.
  bool serve(TimeNs now, int wake_fd, int timeout_ms);

 private:
  struct Client {
    int fd = -1;
    std::string request;
    std::string answer;
    size_t sent = 0;
    TimeNs deadline_ns = 0;
  };
  void accept_client(TimeNs now);
  bool advance(Client& client);  // false: done with

  std::string path_;
  Handler handler_;
  int listener_ = -1;
  std::vector<Client> clients_;
};

// The client's side: sends `request` and returns the answer. Throws Error where nobody listens.
std::string ask_control(const std::string& path, const std::string& request);

}  // namespace linecast::app
