#include "tests/e2e/faults/load.h"

#include <array>
#include <chrono>

#include "protocol/base/base64.h"
#include "protocol/base/digest.h"

namespace docket::e2e {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kClientsOfEachKind = 2;
constexpr int kMostUploads = 20;  // of one file that is kept, and missing again
constexpr const char* kConnectFailed = "Couldn't connect to server";

Ticket python_ticket(const std::string& token, const LoadShape& shape) {
  Ticket ticket;
  ticket.expected = token + "\n";
  const std::string source = "import time\ntime.sleep(" + std::to_string(shape.run_ms) +
                             " / 1000)\nprint('" + token + "')\n" +
                             std::string(shape.padding_bytes, '#');
  ticket.body =
      run_body("python3", source, {{"parameters", {{"cputime", 4}, {"runargs", {token}}}}});
  return ticket;
}

Ticket c_ticket(const std::string& token, const LoadShape& shape) {
  Ticket ticket;
  ticket.expected = token + "\n";
  const std::string source =
      "#include <stdio.h>\n#include <unistd.h>\nint main(void) {\n  usleep(" +
      std::to_string(shape.run_ms) + "000);\n  puts(\"" + token + "\");\n  return 0;\n}\n//" +
      std::string(shape.padding_bytes, '-') + "\n";
  ticket.body = run_body("c", source, {{"parameters", {{"cputime", 4}, {"runargs", {token}}}}});
  return ticket;
}

Ticket file_ticket(const std::string& token, const LoadShape& shape) {
  Ticket ticket;
  for (std::size_t line = 0; ticket.file.size() < shape.file_bytes; ++line) {
    ticket.file += token + " " + std::to_string(line) + "\n";
  }
  ticket.file_id = md5_hex(ticket.file);
  ticket.expected = token + " " + ticket.file_id + "\n";
  const std::string source = "import hashlib, time\ntime.sleep(" + std::to_string(shape.run_ms) +
                             " / 1000)\nprint('" + token +
                             "', hashlib.md5(open('data.txt', 'rb').read()).hexdigest())\n" +
                             std::string(shape.padding_bytes, '#');
  nlohmann::json more = {{"parameters", {{"cputime", 4}, {"runargs", {token}}}}};
  more["file_list"].push_back(nlohmann::json::array({ticket.file_id, "data.txt"}));
  ticket.body = run_body("python3", source, more);
  return ticket;
}

Ticket ticket_of(int serial, const std::string& token, const LoadShape& shape) {
  switch (shape.programs) {
    case Programs::compiled:
      return c_ticket(token, shape);
    case Programs::with_file:
      return file_ticket(token, shape);
    case Programs::mixed:
      break;
  }
  constexpr std::array kMakers = {c_ticket, file_ticket, python_ticket};
  return kMakers[static_cast<std::size_t>(serial) % kMakers.size()](token, shape);
}

}  // namespace

std::string jobe_url(const std::string& base, const std::string& rest) {
  return base + "/jobe/index.php/restapi/" + rest;
}

std::vector<std::string> Ticket::headers() const {
  std::vector<std::string> headers = {"X-CodeRunner-Job-Id: " + token};
  if (kind != Kind::plain) headers.push_back("Idempotency-Key: \"" + token + "\"");
  if (kind == Kind::asynchronous) headers.push_back("Prefer: respond-async");
  return headers;
}

Load::Load(const std::string& jobe, const LoadShape& shape) : jobe_(jobe), shape_(shape) {
  int serial = 0;
  for (const auto kind : {Ticket::Kind::named, Ticket::Kind::plain, Ticket::Kind::asynchronous}) {
    const int jobs = kind == Ticket::Kind::asynchronous ? shape.asynchronous_jobs : shape.rounds;
    for (int client = 0; client < kClientsOfEachKind; ++client) {
      auto& tickets = clients_.emplace_back();
      for (int job = 0; job < jobs; ++job, ++serial) {
        const std::string token =
            "token-" + std::to_string(serial) + "-" + md5_hex(std::to_string(serial)).substr(0, 8);
        tickets.push_back(ticket_of(serial, token, shape));
        tickets.back().kind = kind;
        tickets.back().token = token;
      }
    }
  }
}

Load::~Load() {
  finish();
}

void Load::start() {
  for (auto& tickets : clients_) threads_.emplace_back([&] { run(tickets); });
}

void Load::finish() {
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Load::run(std::vector<Ticket>& tickets) {
  for (Ticket& ticket : tickets) {
    const Reply reply = post(ticket);
    if (reply.status == 202) {
      ticket.id = nlohmann::json::parse(reply.body, nullptr, false).get<std::string>();
    } else if (reply.status == 200) {
      note_answer(ticket, reply);
    } else {
      ticket.unexpected.push_back("POST runs: " + std::to_string(reply.status) + " " + reply.body);
    }
  }
  for (Ticket& ticket : tickets) {
    if (!ticket.id.empty()) wait_for_result(ticket);
  }
}

Reply Load::post(Ticket& ticket) {
  const auto end = Clock::now() + milliseconds(shape_.patience_ms);
  int uploads = 0;
  Reply reply;
  while (Clock::now() < end) {
    ++ticket.posts;
    reply = http("POST", jobe_url(jobe_, "runs"), ticket.body, ticket.headers());
    if (reply.status == 404 && !ticket.file.empty() && uploads < kMostUploads) {
      uploads += upload(ticket) ? 1 : 0;
      continue;
    }
    if (reply.status != 0 && reply.status != 503) return reply;
    if (reply.status == 503) {
      ++ticket.refused;
      ++refused_;
    } else if (reply.problem != kConnectFailed) {
      ++ticket.broken;
    }
    std::this_thread::sleep_for(milliseconds(reply.status == 503 ? 500 : 100));
  }
  return reply;
}

bool Load::upload(Ticket& ticket) {
  const std::string body = "{\"file_contents\":\"" + base64_encode(ticket.file) + "\"}";
  const Reply reply = http("PUT", jobe_url(jobe_, "files/" + ticket.file_id), body);
  if (reply.status == 503) {
    ++ticket.refused;
    ++refused_;
    std::this_thread::sleep_for(milliseconds(500));
  } else if (reply.status != 0 && reply.status != 204) {
    ticket.unexpected.push_back("PUT file: " + std::to_string(reply.status) + " " + reply.body);
  }
  return reply.status == 204;
}

void Load::wait_for_result(Ticket& ticket) {
  const auto end = Clock::now() + milliseconds(shape_.patience_ms);
  while (Clock::now() < end) {
    const Reply reply = http("GET", jobe_url(jobe_, "runresults/" + ticket.id));
    if (reply.status == 200) return note_answer(ticket, reply);
    if (reply.status != 204 && reply.status != 0) {
      ticket.unexpected.push_back("GET runresults: " + std::to_string(reply.status) + " " +
                                  reply.body);
      return;
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
}

void Load::note_answer(Ticket& ticket, const Reply& reply) {
  ticket.answer = reply.body;
  const auto result = nlohmann::json::parse(reply.body, nullptr, false);
  const bool right = result.is_object() && result.value("outcome", 0) == 15 &&
                     result.value("stdout", "") == ticket.expected;
  if (right) {
    ++answered_;
  } else {
    ticket.unexpected.push_back("answer: " + reply.body.substr(0, 300));
  }
}

}  // namespace docket::e2e
