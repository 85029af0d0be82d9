// master/http: requests read from bytes, answers written, and the server on real sockets.
#include "master/http/server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <malloc.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <thread>

#include "master/http/connection.h"
#include "master/http/request_parser.h"
#include "master/http/response_writer.h"
#include "master/http/unique_fd.h"
#include "protocol/base/mailbox.h"

using namespace docket;
using namespace docket::http;
using namespace std::chrono_literals;

namespace {

using State = RequestParser::State;

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST /runs HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view coded) {
  return post("Transfer-Encoding: chunked\r\n", coded);
}

// One line that says all that was read of `bytes`, fed `step` bytes at a time.
std::string read_in_steps(std::string_view bytes, std::size_t step) {
  RequestParser parser(1000, 1000);
  std::string seen;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, step);
    bytes.remove_prefix(parser.feed(part));
    if (parser.state() == State::failed) {
      return seen + "failed " + std::to_string(parser.refusal().status) +
             (parser.head_only() ? " HEAD" : "");
    }
    if (parser.state() != State::complete) continue;
    const bool keep = parser.keep_alive();
    const auto request = parser.take();
    seen += request.method + " " + request.path + " ?" + request.query + " ";
    for (const auto& [name, value] : request.headers) seen += name + "=" + value + " ";
    seen += "[" + request.body + "]" + (keep ? " keep; " : " close; ");
  }
  return seen + (parser.started() ? "more" : "end");
}

// The same however the bytes are cut.
std::string read_all(std::string_view bytes) {
  const auto whole = read_in_steps(bytes, bytes.size());
  for (const std::size_t step : {1, 2, 3, 7}) CHECK(read_in_steps(bytes, step) == whole);
  return whole;
}

Logger null_logger() {
  return std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
}

Options local_options() {
  Options options;
  options.listen = {"127.0.0.1", 0};
  return options;
}

std::unique_ptr<Server> start(Options options, Server::Handler handler) {
  auto server = Server::start(std::move(options), std::move(handler), null_logger());
  REQUIRE(server.ok());
  return std::move(server).value();
}

Response text(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

std::string head_of(const Response& response, const Framing& framing) {
  std::string out;
  append_head(out, response, framing);
  return out;
}

// Says what it was asked: "POST /runs body".
std::optional<Response> echo(Request&& request) {
  return text(request.method + " " + request.target + " " + request.body);
}

// In use of the heap; always 0 under the sanitizers, whose heap is another.
std::size_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class Client {
 public:
  explicit Client(const Server& server, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.address().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }

  // False when the server has closed; what it said before can still be read.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything up to `end` (inclusive), or less when the server closes.
  std::string read_to(std::string_view end) {
    std::size_t at;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!fill()) return std::exchange(buffer_, "");
    }
    return cut(at + end.size());
  }
  std::string read_bytes(std::size_t size) {
    while (buffer_.size() < size && fill()) {
    }
    return cut(std::min(size, buffer_.size()));
  }
  std::string read_to_close() {
    while (fill()) {
    }
    return std::exchange(buffer_, "");
  }
  // Status, and the body that the length announces: "200 body".
  std::string answer() {
    const auto head = read_to("\r\n\r\n");
    if (head.size() < 12) return "closed";
    const auto length = head.find("Content-Length: ");
    const auto size = length == std::string::npos ? 0 : std::stoul(head.substr(length + 16));
    return head.substr(9, 3) + " " + read_bytes(size);
  }
  std::string ask(std::string_view request) {
    send(request);
    return answer();
  }
  void wait() {
    pollfd wait{socket_.get(), POLLIN, 0};
    REQUIRE(::poll(&wait, 1, 20'000) == 1);
  }
  void leave() { socket_ = UniqueFd(); }

 private:
  std::string cut(std::size_t size) {
    const auto piece = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return piece;
  }
  bool fill() {
    wait();
    char bytes[65536];
    const auto got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }

  UniqueFd socket_;
  std::string buffer_;
};

// Requests taken by a handler that leaves the answer to the test's thread.
struct Held {
  Mailbox<Request> requests;
  Server::Handler handler = [this](Request&& request) -> std::optional<Response> {
    requests.post(std::move(request));
    return std::nullopt;
  };
  Request next() {
    std::vector<Request> taken;
    REQUIRE(eventually([&] { return !(taken = requests.take()).empty(); }));
    REQUIRE(taken.size() == 1);
    return std::move(taken.front());
  }
};

}  // namespace

TEST_SUITE("http parser") {
  TEST_CASE("requests, however they are cut") {
    CHECK(read_all(get("/a?b=c&d", "X-Y:  z \r\n")) == "GET /a ?b=c&d host=a x-y=z [] keep; end");
    CHECK(read_all("\r\n\r\n" + get("/")) == "GET / ? host=a [] keep; end");
    CHECK(read_all(post("Content-Length: 4\r\n", "\r\n{}")) ==
          "POST /runs ? host=a content-length=4 [\r\n{}] keep; end");
    CHECK(read_all(get("/1") + post("Content-Length: 2\r\n", "ab") + get("/2") + "GE") ==
          "GET /1 ? host=a [] keep; POST /runs ? host=a content-length=2 [ab] keep; "
          "GET /2 ? host=a [] keep; more");
    CHECK(read_all("get / HTTP/1.0\r\n\r\n") == "GET / ? [] close; end");  // Jobe takes it
    CHECK(read_all("GET http://h:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n") ==
          "GET /p ?q host=a [] keep; end");
    CHECK(read_all("GET http://h HTTP/1.1\r\nHost: a\r\n\r\n") == "GET / ? host=a [] keep; end");
  }

  TEST_CASE("chunked bodies") {
    const std::string head = "POST /runs ? host=a transfer-encoding=chunked ";
    CHECK(read_all(chunked("2\r\nab\r\n00A;x=y\r\n0123456789\r\n0\r\n\r\n") + get("/")) ==
          head + "[ab0123456789] keep; GET / ? host=a [] keep; end");
    CHECK(read_all(chunked("1\r\na\r\n0\r\nTrailer: x\r\n\r\n")) == head + "[a] keep; end");
    for (const char* bad :
         {"zz\r\n{}\r\n0\r\n\r\n", "\r\n", "1\nx\r\n0\r\n\r\n", "-1\r\nx\r\n", "1\r\nxyz0\r\n\r\n",
          "1\r\nxyz\r\n0\r\n\r\n", "1;a\nx\r\n", "1\r\nx\n0\r\n\r\n", "0x1\r\nx\r\n", "0\r\n\n",
          "0\r\na\n", "10000000000000000\r\nx\r\n"}) {
      CAPTURE(bad);
      CHECK(read_all(chunked(bad)) == "failed 400");
    }
    CHECK(read_all(chunked("3e9\r\n")) == "failed 413");
    CHECK(read_all(chunked("fffffffffffffff\r\n")) == "failed 413");
    std::string tiny;
    for (int i = 0; i < 1001; ++i) tiny += "1\r\nx\r\n";
    CHECK(read_all(chunked(tiny)) == "failed 413");
    CHECK(read_all(chunked("1;" + std::string(20'000, 'x'))) == "failed 400");
  }

  TEST_CASE("what two readers could understand differently is refused") {
    for (const std::string& bad :
         {post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
          post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
          post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
          post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
          post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"),
          post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
          post("Content-Length : 2\r\n", "{}"),
          post("Content Length: 2\r\n", "{}"),
          post("Content-Length: -5\r\n", ""),
          post("Content-Length: abc\r\n", ""),
          post("Content-Length: +2\r\n", "{}"),
          post("Content-Length: 1 1\r\n", "{}"),
          post("Content-Length:\r\n", ""),
          post("Content-Length: 99999999999999999999\r\n", ""),
          post("X: a\r\n b\r\nContent-Length: 2\r\n", "{}"),
          std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          std::string("GET / HTTP/1.1\nHost: a\n\n"),
          get("/", "X: a\nY: b\r\n"),
          std::string("GET / HTTP/1.1\r\n\r\n"),
          get("/", "Host: b\r\n"),
          get("/", std::string("X: a\0b\r\n", 8)),
          get("/", "X\x01: a\r\n"),
          get("/", ": a\r\n"),
          std::string("GET /\r\n\r\n"),
          std::string("GET / HTTP/1.1 x\r\nHost: a\r\n\r\n"),
          std::string("GET / HTTP/x\r\nHost: a\r\n\r\n"),
          std::string("hello world\r\n\r\n"),
          std::string("\x16\x03\x01\x02")}) {
      CAPTURE(bad);
      CHECK(read_all(bad) == "failed 400");
    }
    CHECK(read_all(post("Transfer-Encoding: gzip, chunked\r\n", "")) == "failed 501");
    CHECK(read_all(post("Transfer-Encoding: xchunked\r\n", "")) == "failed 501");
    CHECK(read_all("FOO /x HTTP/1.1\r\nHost: a\r\n\r\n") == "failed 404");
  }

  TEST_CASE("damaged requests are read the same however they are cut") {
    std::mt19937 random(7);
    const std::vector<std::string> seeds = {
        get("/a?b", "Connection: close\r\n"), post("Content-Length: 4\r\n", "abcd"),
        chunked("2\r\nab\r\n3;x\r\ncde\r\n0\r\nT: u\r\n\r\n"),
        post("Expect: 100-continue\r\nContent-Length: 1\r\n", "x")};
    const std::string letters = "\r\n :;,/?0123abcGET\t\x01\x80";
    for (int round = 0; round < 3000; ++round) {
      std::string bytes = seeds[random() % seeds.size()] + seeds[random() % seeds.size()];
      for (auto left = random() % 4; left > 0; --left) {
        const auto at = random() % bytes.size();
        const auto letter = letters[random() % letters.size()];
        switch (random() % 3) {
          case 0:
            bytes[at] = letter;
            break;
          case 1:
            bytes.insert(at, 1, letter);
            break;
          default:
            bytes.erase(at, 1);
        }
      }
      CAPTURE(bytes);
      read_all(bytes);
    }
  }

  TEST_CASE("limits") {
    CHECK(read_all(get("/", "X: " + std::string(900, 'x') + "\r\n")).ends_with("end"));
    CHECK(read_all(get("/", "X: " + std::string(1000, 'x') + "\r\n")) == "failed 431");
    CHECK(read_all(std::string(1001, 'G')) == "failed 431");
    CHECK(read_all("HEAD /" + std::string(1000, 'x')) == "failed 431 HEAD");
    CHECK(read_all(post("Content-Length: 1000\r\n", std::string(1000, 'b'))).ends_with("end"));
    CHECK(read_all(post("Content-Length: 1001\r\n", "")) == "failed 413");
    RequestParser roomy(1u << 20, 10);
    std::string many;
    for (int i = 0; i < 300; ++i) many += "A: b\r\n";
    roomy.feed(get("/", many));
    CHECK(roomy.refusal().status == 400);
    const auto long_line = [](std::size_t bytes) {  // "GET /xxx HTTP/1.1"
      RequestParser parser(1u << 20, 10);
      parser.feed(get("/" + std::string(bytes - 14, 'x'), ""));
      return parser.state() == State::failed ? parser.refusal().status : 200;
    };
    CHECK(long_line(8'190) == 200);
    CHECK(long_line(8'191) == 414);
    RequestParser long_head(1u << 20, 10);  // beyond the library's own 80 KiB
    long_head.feed(get("/", "X: " + std::string(500'000, 'x') + "\r\n"));
    CHECK(long_head.state() == State::complete);
  }

  TEST_CASE("keep-alive and Expect") {
    const auto keeps = [](std::string_view bytes) {
      return read_all(bytes).find("keep;") != std::string::npos;
    };
    CHECK(keeps(get("/")));
    CHECK_FALSE(keeps(get("/", "Connection: Close\r\n")));
    CHECK_FALSE(keeps(get("/", "Connection: x, close\r\n")));
    CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    CHECK(keeps(get("/", "Connection: Upgrade\r\nUpgrade: h2c\r\n")));
    CHECK(read_all(post("Expect: 200-ok\r\nContent-Length: 1\r\n", "x")) == "failed 417");
    RequestParser parser(1000, 1000);
    parser.feed(post("Expect: 100-Continue\r\nContent-Length: 1\r\n", ""));
    CHECK(parser.expects_continue());
  }
}

TEST_SUITE("http answers") {
  TEST_CASE("length and type only where there can be a body") {
    CHECK(head_of(text("ab"), {}) ==
          "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
          "Content-Length: 2\r\n\r\n");
    CHECK(head_of(text(""), {}) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(head_of(text(""), {.head_only = true}) == "HTTP/1.1 200 OK\r\n\r\n");
    CHECK(head_of(text("ab"), {.head_only = true}) == head_of(text("ab"), {}));
    CHECK_FALSE(sends_body(text("ab"), {.head_only = true}));
    Response none = text("ab");
    none.status = 204;
    CHECK(head_of(none, {.close = true}) == "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    CHECK_FALSE(sends_body(none, {}));
    CHECK(head_of(none, {.keep_alive = true}).find("keep-alive") != std::string::npos);
  }

  TEST_CASE("headers that would break the framing are left out") {
    Response response = text("");
    response.headers = {{"A", "b\r\nX: y"},
                        {"B\r\nX", "y"},
                        {"Content-Length", "7"},
                        {"connection", "upgrade"},
                        {"Good", "yes"}};
    CHECK(head_of(response, {}) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nGood: yes\r\n\r\n");
  }
}

TEST_SUITE("http connection") {
  TEST_CASE("time-outs, with the time as a parameter") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection idle(options, budget, "", 0);
    CHECK(idle.deadline() == options.idle_timeout_ms);
    idle.expire(options.idle_timeout_ms - 1);
    CHECK(idle.fate() == Fate::open);
    idle.expire(options.idle_timeout_ms);
    CHECK(idle.fate() == Fate::closed);

    Connection slow(options, budget, "", 0);
    slow.receive("GET / HT", 1000);
    slow.receive("TP/1.1", 5000);
    CHECK(slow.deadline() == 1000 + options.head_timeout_ms);
    slow.receive("\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 9000);
    slow.receive("a", 20'000);
    CHECK(slow.deadline() == 9000 + options.body_timeout_ms);
    slow.expire(slow.deadline());
    CHECK(slow.output().starts_with("HTTP/1.1 408 "));
    CHECK(slow.deadline() == 39'000 + options.write_timeout_ms);
    slow.sent(1, 60'000);
    slow.expire(60'000 + options.write_timeout_ms);
    CHECK(slow.fate() == Fate::reset);
  }

  TEST_CASE("a byte now and then is as slow as none") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection drips(options, budget, "", 0);
    drips.receive(post("Content-Length: 1000000\r\n", ""), 0);
    MonoMs now = 0;
    while (drips.output().empty() && now < 200'000) {
      drips.receive("x", now += 1000);
      drips.expire(now);
    }
    CHECK(drips.output().starts_with("HTTP/1.1 408 "));
    CHECK(now == options.body_timeout_ms);

    Connection hurries(options, budget, "",
                       0);  // twice the least rate, for longer than the time-out
    hurries.receive(post("Content-Length: 1000000\r\n", ""), 0);
    for (now = 0; now < 200'000;) {
      hurries.receive(std::string(1000, 'x'), now += 1000);
      hurries.expire(now);
    }
    CHECK(hurries.output().empty());

    Connection sips(options, budget, "", 0);
    sips.receive(get("/"), 0);
    REQUIRE(sips.take_request(0));
    sips.answer(text(std::string(1'000'000, 'x')), 50'000);
    for (now = 50'000; sips.fate() == Fate::open && now < 400'000;) {
      sips.sent(1, now += 1000);
      sips.expire(now);
    }
    CHECK(sips.fate() == Fate::reset);
    CHECK(now == 50'000 + options.write_timeout_ms);
  }

  TEST_CASE("what went fast before does not pay for dripping") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection upload(options, budget, "", 0);
    upload.receive(post("Content-Length: 60000000\r\n", std::string(50'000'000, 'x')), 0);
    MonoMs now = 0;
    while (upload.output().empty() && now < 200'000) {
      upload.receive("x", now += 1000);
      upload.expire(now);
    }
    CHECK(upload.output().starts_with("HTTP/1.1 408 "));
    CHECK(now == 2 * options.body_timeout_ms);  // the first stretch was fast enough
    CHECK(budget.used() == 0);

    Connection silent(options, budget, "", 0);
    silent.receive(post("Content-Length: 60000000\r\n", std::string(50'000'000, 'x')), 0);
    silent.receive("x", 10'000);
    silent.expire(options.body_timeout_ms);
    CHECK(silent.output().empty());
    CHECK(silent.deadline() == 10'000 + options.body_timeout_ms);
    silent.expire(silent.deadline());
    CHECK(silent.output().starts_with("HTTP/1.1 408 "));

    Connection download(options, budget, "", 0);
    download.receive(get("/"), 0);
    REQUIRE(download.take_request(0));
    download.answer(text(std::string(50'000'000, 'x')), 0);
    download.sent(download.output().size(), 0);
    download.sent(40'000'000, 0);
    for (now = 0; download.fate() == Fate::open && now < 400'000;) {
      download.sent(1, now += 1000);
      download.expire(now);
    }
    CHECK(download.fate() == Fate::reset);
    CHECK(now == 2 * options.write_timeout_ms);
  }

  TEST_CASE("the budget counts what is held, until it is handed over or the connection ends") {
    const Options options;
    ByteBudget budget(1'000'000);
    const std::string head = post("Content-Length: 100\r\n", "");
    {
      Connection connection(options, budget, "", 0);
      connection.receive(head.substr(0, 10), 0);
      CHECK(budget.used() == 10);
      connection.receive(head.substr(10) + "abc", 0);
      CHECK(budget.used() == head.size() + 3);
      connection.receive(std::string(97, 'x') + get("/2"), 0);
      CHECK(budget.used() == head.size() + 100 + get("/2").size());
      REQUIRE(connection.take_request(0));
      CHECK(budget.used() == get("/2").size());
      connection.receive("GET", 0);
      CHECK(budget.used() == get("/2").size() + 3);
      connection.answer(text(""), 0);
      connection.sent(connection.output().size(), 0);
      REQUIRE(connection.take_request(0));
      CHECK(budget.used() == 3);
      Connection moved(std::move(connection));
      CHECK(budget.used() == 3);
      moved.lose();
      CHECK(budget.used() == 0);
    }
    {
      Connection gone(options, budget, "", 0);
      gone.receive(head, 0);
      Connection chunks(options, budget, "", 0);
      chunks.receive(chunked("2\r\nab\r\n3\r\nc"), 0);
      CHECK(budget.used() == head.size() + chunked("").size() + 3);
      chunks.receive("!!!", 0);  // refused: nothing of it is kept while the answer goes out
      CHECK(budget.used() == head.size());
    }
    CHECK(budget.used() == 0);
  }

  TEST_CASE("the memory of what was refused, taken or sent is given back, not only emptied") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    constexpr std::size_t kBig = 50'000'000;
    const std::string length = "Content-Length: " + std::to_string(kBig) + "\r\n";
    const auto before = heap_bytes();
    const auto held = [&] { return heap_bytes() > before + kBig / 2; };
    Connection slow(options, budget, "", 0);
    slow.receive(post(length, std::string(kBig - 1, 'x')), 0);
    slow.expire(options.body_timeout_ms);
    CHECK(slow.output().starts_with("HTTP/1.1 408 "));
    CHECK_FALSE(held());
    Connection kept(options, budget, "", 0);
    kept.receive(post(length, std::string(kBig, 'x')), 0);
    REQUIRE(kept.take_request(0));
    CHECK_FALSE(held());
    kept.answer(text(std::string(kBig, 'x')), 0);
    while (!kept.output().empty()) kept.sent(kept.output().size(), 0);
    CHECK(kept.fate() == Fate::open);
    CHECK_FALSE(held());
  }

  TEST_CASE("who needs more than the budget has left gets 503, small requests go on") {
    const Options options;
    ByteBudget budget(1'000'000);
    const std::string upload = post("Content-Length: 2000000\r\n", std::string(600'000, 'x'));
    Connection first(options, budget, "", 0);
    first.receive(upload, 0);
    Connection second(options, budget, "", 0);
    second.receive(upload, 0);
    const std::string refusal(second.output());
    CHECK(refusal.starts_with("HTTP/1.1 503 "));
    CHECK(refusal.find("Retry-After: 5\r\n") != std::string::npos);
    CHECK(refusal.find("Connection: close\r\n") != std::string::npos);
    CHECK(refusal.ends_with("\"Too much is being uploaded now, try again later\""));
    CHECK(budget.used() == upload.size());
    second.sent(second.output().size(), 0);
    CHECK(second.fate() == Fate::half_closed);
    second.receive(upload, 0);  // read and dropped
    CHECK(budget.used() == upload.size());

    first.receive(std::string(1'000'000 - budget.used(), 'x'), 0);
    CHECK(budget.used() == 1'000'000);
    CHECK(first.output().empty());
    Connection run(options, budget, "", 0);
    run.receive(post("Content-Length: 60000\r\n", std::string(60'000, 'x')), 0);
    CHECK(run.take_request(0)->body.size() == 60'000);
    // Small ones have their bound too.
    std::vector<Connection> crowd;
    for (int i = 0; i < 20; ++i) {
      crowd.emplace_back(options, budget, "", 0);
      crowd.back().receive(post("Content-Length: 60001\r\n", std::string(60'000, 'x')), 0);
    }
    CHECK(budget.used() <= 1'500'000);
    CHECK(crowd[7].output().empty());
    CHECK(crowd[8].output().starts_with("HTTP/1.1 503 "));
    crowd.clear();
    first.receive("x", 0);
    CHECK(first.output().starts_with("HTTP/1.1 503 "));
    CHECK(budget.used() == 0);
  }

  TEST_CASE("without room for what is pipelined the request before it is still answered") {
    const Options options;
    ByteBudget budget(100'000);
    Connection connection(options, budget, "", 0);
    connection.receive(get("/1"), 0);
    REQUIRE(connection.take_request(0));
    connection.receive(std::string(200'000, 'x'), 0);
    connection.receive("more", 0);
    CHECK(budget.used() == 0);
    CHECK(connection.fate() == Fate::open);
    connection.answer(text("one"), 0);
    CHECK(connection.output().ends_with("one"));
    connection.sent(connection.output().size(), 0);
    CHECK(connection.output().starts_with("HTTP/1.1 503 "));
    CHECK_FALSE(connection.take_request(0));
    connection.sent(connection.output().size(), 0);
    CHECK(connection.fate() == Fate::half_closed);
  }

  TEST_CASE("no time-out while the answer is awaited, one after the other when pipelined") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection connection(options, budget, "peer", 0);
    connection.receive(get("/1") + get("/2"), 0);
    CHECK(connection.take_request(0)->path == "/1");
    CHECK_FALSE(connection.take_request(0));
    CHECK(connection.deadline() == kNever);
    connection.answer(text("one"), 90'000);
    CHECK_FALSE(connection.take_request(90'000));  // not before the answer is out
    connection.sent(connection.output().size(), 90'001);
    CHECK(connection.take_request(90'002)->path == "/2");
    connection.receive(std::string(options.max_pipelined_bytes, 'x'), 90'003);
    CHECK(connection.fate() == Fate::open);
    connection.receive("x", 90'003);
    CHECK(connection.fate() == Fate::closed);
  }

  TEST_CASE("100 Continue is said once, and not for a body that is there") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection asks(options, budget, "", 0);
    asks.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""), 0);
    CHECK(asks.output() == "HTTP/1.1 100 Continue\r\n\r\n");
    asks.sent(asks.output().size(), 0);
    asks.receive("a", 0);
    CHECK(asks.output().empty());
    asks.receive("b", 0);
    CHECK(asks.take_request(0)->body == "ab");
    Connection sends(options, budget, "", 0);
    sends.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), 0);
    CHECK(sends.output().empty());
    CHECK(sends.take_request(0));
  }

  TEST_CASE("a stored half of a body has its own time") {
    const Options options;
    ByteBudget budget(options.max_buffered_bytes);
    Connection connection(options, budget, "", 0);
    connection.receive(get("/1") + post("Content-Length: 2\r\n", "a"), 0);
    REQUIRE(connection.take_request(0));
    connection.answer(text(""), 1'000'000);
    connection.sent(connection.output().size(), 1'000'000);
    CHECK_FALSE(connection.take_request(1'000'000));
    CHECK(connection.deadline() == 1'000'000 + options.body_timeout_ms);
  }
}

TEST_SUITE("http server") {
  TEST_CASE("answers on one connection, in order") {
    const auto server = start(local_options(), echo);
    Client client(*server);
    CHECK(client.ask(get("/a?b")) == "200 GET /a?b ");
    CHECK(client.ask(post("Content-Length: 2\r\n", "{}")) == "200 POST /runs {}");
    std::string many;
    for (int i = 0; i < 500; ++i) many += get("/" + std::to_string(i));
    client.send(many);
    for (int i = 0; i < 500; ++i) CHECK(client.answer() == "200 GET /" + std::to_string(i) + " ");
    const std::string big(3'000'000, 'b');
    CHECK(client.ask(post("Content-Length: 3000000\r\n", big)) == "200 POST /runs " + big);
    CHECK(client.ask(chunked("2\r\nab\r\n0\r\n\r\n")) == "200 POST /runs ab");
  }

  TEST_CASE("HEAD, closing, Expect, refusals") {
    auto options = local_options();
    options.max_body_bytes = 100;
    options.max_head_bytes = 500;
    const auto server = start(options, echo);
    Client head(*server);
    head.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(head.read_to("\r\n\r\n").find("Content-Length: 7\r\n") != std::string::npos);
    CHECK(head.ask(get("/")) == "200 GET / ");  // no body in between
    Client old(*server);
    old.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(old.read_to_close().ends_with("Connection: close\r\n\r\nGET / "));
    Client kept(*server);
    CHECK(kept.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == "200 GET / ");
    CHECK(kept.ask(get("/2")) == "200 GET /2 ");
    Client polite(*server);
    polite.send(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
    CHECK(polite.read_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(polite.ask("ab") == "200 POST /runs ab");
    CHECK(polite.ask(post("Expect: 100-continue\r\nContent-Length: 1\r\n", "x")) ==
          "200 POST /runs x");  // the body is there already
    const auto refused = [&](std::string_view bytes) {
      Client client(*server);
      client.send(bytes);
      return client.read_to_close();
    };
    CHECK(refused("FOO / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("close\r\n\r\n\"\""));
    CHECK(refused("FOO / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404 "));
    CHECK(refused("x\r\n\r\n").ends_with("\"Malformed HTTP request\""));
    CHECK(refused(post("Content-Length: 101\r\n", "")).starts_with("HTTP/1.1 413 "));
    // The answer stays readable although the client sends on: that is read and dropped for a while.
    const std::string body(1'000'000, 'b');
    CHECK(refused(post("Content-Length: 1000000\r\n", body)).starts_with("HTTP/1.1 413 "));
    CHECK(refused(post("Expect: magic\r\nContent-Length: 1\r\n", "")).starts_with("HTTP/1.1 417 "));
    CHECK(refused(std::string(501, 'G')).starts_with("HTTP/1.1 431 "));
  }

  TEST_CASE("a refused client may go on sending for a while") {
    const auto server = start(local_options(), echo);
    Client client(*server);
    client.send(post("Content-Length: 100000000\r\n", ""));
    client.wait();
    for (int i = 0; i < 40; ++i) CHECK(client.send(std::string(500'000, 'b')));
    CHECK(client.read_to_close().starts_with("HTTP/1.1 413 "));
  }

  TEST_CASE("slow clients are let go") {
    auto options = local_options();
    options.idle_timeout_ms = options.head_timeout_ms = options.body_timeout_ms = 100;
    const auto server = start(options, echo);
    Client idle(*server);
    CHECK(idle.read_to_close().empty());
    Client head(*server);
    head.send("GET / HTTP/1.1\r\n");
    CHECK(head.read_to_close().starts_with("HTTP/1.1 408 "));
    Client body(*server);
    body.send(post("Content-Length: 9\r\n", "x"));
    CHECK(body.read_to_close().starts_with("HTTP/1.1 408 "));
    CHECK(eventually([&] { return server->open_connections() == 0; }));
  }

  TEST_CASE("all reactors share the budget, and it is whole when everybody has gone") {
    auto options = local_options();
    options.max_buffered_bytes = 4'000'000;
    const auto server = start(options, echo);
    const std::string upload = post("Content-Length: 2000000\r\n", std::string(1'500'000, 'x'));
    std::vector<Client> clients;
    int refused = 0;
    for (int i = 0; i < 6; ++i) {
      Client& client = clients.emplace_back(*server);
      const auto before = server->buffered_bytes();
      client.send(upload);
      if (i < 2) {  // on different reactors
        CHECK(eventually([&] { return server->buffered_bytes() == before + upload.size(); }));
      } else {
        refused += client.answer().starts_with("503 ") ? 1 : 0;
      }
    }
    CHECK(refused == 4);
    CHECK(server->buffered_bytes() == 2 * upload.size());
    Client small(*server);
    CHECK(small.ask(get("/")) == "200 GET / ");
    // One completes, one leaves.
    CHECK(clients[0].ask(std::string(500'000, 'x')).size() > 2'000'000);
    CHECK(eventually([&] { return server->buffered_bytes() == upload.size(); }));
    clients[1].leave();
    CHECK(eventually([&] { return server->buffered_bytes() == 0; }));
    CHECK(small.ask(post("Content-Length: 3000000\r\n", std::string(3'000'000, 'x'))).size() >
          3'000'000);
    clients.clear();
    small.leave();
    CHECK(eventually([&] { return server->open_connections() == 0; }));
    CHECK(server->buffered_bytes() == 0);
  }

  TEST_CASE("a client that does not read is dropped and holds nobody up") {
    auto options = local_options();
    options.threads = 1;
    options.write_timeout_ms = 300;
    const std::string big(50'000'000, 'b');
    const auto server = start(options, [&](Request&& request) -> std::optional<Response> {
      return text(request.path == "/big" ? big : "small");
    });
    Client deaf(*server, 4096);
    deaf.send(get("/big"));
    Client other(*server);
    CHECK(other.ask(get("/")) == "200 small");
    CHECK(eventually([&] { return server->open_connections() == 1; }));
    CHECK(deaf.read_to_close().size() < big.size());
    CHECK(other.ask(get("/")) == "200 small");
  }

  TEST_CASE("a slow reader gets all of a big answer while others are served") {
    auto options = local_options();
    options.threads = 1;
    const std::string big(50'000'000, 'b');
    const auto server = start(options, [&](Request&& request) -> std::optional<Response> {
      return text(request.path == "/big" ? big : "small");
    });
    Client slow(*server);
    slow.send(get("/big") + get("/next"));
    Client other(*server);
    CHECK(slow.read_to("\r\n\r\n").find("Content-Length: 50000000") != std::string::npos);
    for (int i = 0; i < 50; ++i) {
      CHECK(slow.read_bytes(1'000'000) == std::string(1'000'000, 'b'));
      CHECK(other.ask(get("/")) == "200 small");
    }
    CHECK(slow.answer() == "200 small");
  }

  TEST_CASE("answers from another thread; gone clients and unknown requests get none") {
    Held held;
    auto options = local_options();
    options.listener = 7;
    const auto server = start(options, held.handler);
    Client client(*server);
    client.send(get("/1", "X-Y: z\r\n"));
    const auto first = held.next();
    CHECK(listener_of(first.id) == 7);
    CHECK(first.peer == "127.0.0.1");
    CHECK(first.header("x-y") == "z");
    CHECK(first.header("x-z") == "");
    server->respond(first.id, text("one"));
    CHECK(client.answer() == "200 one");
    server->respond(first.id, text("again"));  // answered already: dropped
    client.send(get("/2"));
    const auto second = held.next();
    CHECK(second.id != first.id);
    client.leave();
    CHECK(eventually([&] { return server->open_connections() == 0; }));
    Client heir(*server);  // likely on the same descriptor
    server->respond(second.id, text("two"));
    heir.send(get("/3"));
    server->respond(held.next().id, text("three"));
    CHECK(heir.answer() == "200 three");
  }

  TEST_CASE("a client that pipelines goes on when its turn and the mail fall together") {
    std::atomic<bool> shut = false;
    std::atomic<bool> open = false;
    auto options = local_options();
    options.threads = 1;
    const auto server = start(options, [&](Request&& request) -> std::optional<Response> {
      if (request.path == "/gate") {
        shut = true;
        eventually([&] { return open.load(); });
      }
      return text(request.path);
    });
    Client greedy(*server);
    CHECK(greedy.ask(get("/")) == "200 /");
    Client gatekeeper(*server);
    gatekeeper.send(get("/gate"));
    CHECK(eventually([&] { return shut.load(); }));
    std::string many;
    for (int i = 0; i < 200; ++i) many += get("/" + std::to_string(i));
    greedy.send(many);
    server->respond(1, text("nobody's"));
    open = true;
    for (int i = 0; i < 200; ++i) CHECK(greedy.answer() == "200 /" + std::to_string(i));
    CHECK(gatekeeper.answer() == "200 /gate");
  }

  TEST_CASE("ends amid traffic") {
    for (int round = 0; round < 10; ++round) {
      Held held;  // answers nothing
      auto server = start(local_options(), held.handler);
      std::vector<Client> clients;
      for (int i = 0; i < 50; ++i) clients.emplace_back(*server).send(get("/"));
      if (round % 2 == 0) server->stop_accepting();
      if (round % 3 == 0) held.requests.wait(1000);
      server.reset();
      for (auto& client : clients) CHECK(client.read_to_close().empty());
    }
  }

  TEST_CASE("a handler that throws, and one that answers twice") {
    std::atomic<RequestId> id = 0;
    const auto server = start(local_options(), [&](Request&& request) -> std::optional<Response> {
      id = request.id;
      if (request.path == "/std") throw std::runtime_error("secret");
      if (request.path == "/int") throw 1;
      return text(request.path);
    });
    for (const char* path : {"/std", "/int"}) {
      Client client(*server);
      CHECK(client.ask(get(path)) == "500 \"Internal error\"");
      server->respond(id, text("late"));
      CHECK(client.read_to_close().empty());
    }
    Client client(*server);
    for (const char* path : {"/1", "/2"}) {
      CHECK(client.ask(get(path)) == "200 " + std::string(path));
      server->respond(id, text("late"));
    }
  }

  TEST_CASE("the port is one server's alone, and free at once when it has gone") {
    auto server = start(local_options(), echo);
    auto options = local_options();
    options.listen = server->address();
    const auto second = Server::start(options, echo, null_logger());
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == ErrorCode::unavailable);
    CHECK(second.error().message ==
          "cannot listen on " + options.listen.text() + ": Address already in use");
    Client client(*server);
    CHECK(client.ask(get("/")) == "200 GET / ");
    server.reset();
    CHECK(client.read_to_close().empty());
    const auto heir = start(options, echo);
    CHECK(Client(*heir).ask(get("/")) == "200 GET / ");
    options.listen.host = "no.such.host.invalid";
    CHECK_FALSE(Server::start(options, echo, null_logger()).ok());
  }

  TEST_CASE("after stop_accepting open requests are answered and nobody else comes in") {
    Held held;
    const auto server = start(local_options(), held.handler);
    Client idle(*server);
    Client busy(*server);
    busy.send(get("/"));
    const auto request = held.next();
    CHECK(eventually([&] { return server->open_connections() == 2; }));
    server->stop_accepting();
    server->stop_accepting();
    CHECK(idle.read_to_close().empty());
    server->respond(request.id, text("late"));
    CHECK(busy.read_to_close().ends_with("Connection: close\r\n\r\nlate"));
    idle.leave();
    busy.leave();
    CHECK(eventually([&] { return server->open_connections() == 0; }));
  }

  TEST_CASE("IPv6") {
    auto options = local_options();
    options.listen.host = "::1";
    const auto server = Server::start(options, echo, null_logger());
    if (!server.ok()) return;  // a host without IPv6
    CHECK(server.value()->address().text().starts_with("[::1]:"));
  }

  TEST_CASE("hundreds of clients at once") {
    const auto server = start(local_options(), echo);
    std::vector<Client> clients;
    for (int i = 0; i < 300; ++i) clients.emplace_back(*server);
    for (auto& client : clients) client.send(get("/"));
    for (auto& client : clients) CHECK(client.answer() == "200 GET / ");
    CHECK(server->open_connections() == 300);
    CHECK(server->buffered_bytes() == 0);
  }
}
