// docket run
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/progress.h"
#include "master/cli/run_request.h"
#include "master/cli/secret.h"
#include "master/cli/support_files.h"
#include "master/cli/text.h"
#include "protocol/base/percent.h"
#include "protocol/job.h"
#include "protocol/messages.h"

namespace docket::cli {
namespace {

constexpr const char* kSeeHelp = ". See docket run --help";
constexpr long kAcceptTimeoutSeconds = 60;

Error usage(const std::string& message) {
  return {ErrorCode::invalid, message + kSeeHelp};
}

// Everything that can be known to be wrong before a file is read.
Result<std::string> checked_language(const RunOptions& options) {
  if (options.program == "-" && options.input == "-") {
    return usage("--stdin -: standard input is already the program; name a file for one of them");
  }
  if (const auto names = check_names(options.files); !names) return usage(names.error().message);
  if (!options.language.empty()) return options.language;
  const std::string language(language_of_file(options.program));
  if (!language.empty()) return language;
  return usage(options.program == "-"
                   ? "a program from standard input needs its language: give -l LANG"
                   : "cannot tell the language from the name " + in_quotes(options.program) +
                         ": give -l LANG");
}

Result<std::string> read_text(const std::string& path) {
  auto text = read_file(path, kMaxBodyBytes);
  if (text && !valid_utf8(*text)) {
    return Error{ErrorCode::invalid, (path == "-" ? "standard input" : visible(path)) +
                                         " is not UTF-8 text, which Jobe needs; send other bytes "
                                         "with --file"};
  }
  return text;
}

Result<RunRequest> request_of(Client& client, const RunOptions& options) {
  RunRequest run;
  auto language = checked_language(options);
  if (!language) return language.error();
  run.language = std::move(*language);
  auto source = read_text(options.program);
  if (!source) return source.error();
  run.source = std::move(*source);
  run.source_name = source_name(options.program, run.language);
  if (!options.input.empty()) {
    auto input = read_text(options.input);
    if (!input) return input.error();
    run.input = std::move(*input);
  }
  run.cputime_s = options.cputime_s;
  run.memory_mb = options.memory_mb;
  auto files = upload(client, options.files);
  if (!files) return files.error();
  run.files = std::move(*files);
  return run;
}

// " (run 01…, agent lab-2)" as far as the master can tell, else "".
std::string origin(Client& client, const std::string& run_id) {
  if (!JobId::parse(run_id)) return "";
  const auto job = fetch(client, "/api/v1/jobs/" + run_id);
  const std::string agent = job ? text_at(*job, "agent") : std::string();
  return " (run " + run_id + (agent.empty() ? "" : ", agent " + visible(agent)) + ")";
}

void print_error(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void print_as_local(Client& client, const Json& result, int outcome) {
  const std::string output = text_at(result, "stdout");
  print(output);
  std::fflush(stdout);
  std::string complaints = text_at(result, "cmpinfo");
  if (!complaints.empty() && complaints.back() != '\n') complaints.push_back('\n');
  complaints += text_at(result, "stderr");
  print_error(complaints);
  if (outcome == static_cast<int>(Outcome::ok)) return;
  // Our line begins a line of its own, also where both streams share a terminal.
  const bool after_output = complaints.empty() && ::isatty(STDOUT_FILENO) == 1;
  const std::string& before = after_output ? output : complaints;
  if (!before.empty() && before.back() != '\n') print_error("\n");
  print_error("docket: " + outcome_sentence(outcome) + origin(client, text_at(result, "run_id")) +
              "\n");
}

// Tells how the run is doing while its answer is awaited. Its id comes only with the answer, so it
// is found by the name that it was given; what goes wrong here is no matter of the run's.
class RunWatch {
 public:
  RunWatch(const Client& asker, bool asked_for) : client_(asker.master()), progress_(asked_for) {}

  void join(Request& request) {
    if (!progress_.shown()) return;
    request.headers.push_back("X-CodeRunner-Job-Id: " + name_);
    request.meanwhile = [this] { look(); };
  }
  void end() { progress_.clear(); }

 private:
  void look() {
    if (id_.empty()) {
      const auto found = fetch(client_, "/api/v1/jobs?limit=1&from=1h&text=" + name_);
      if (!found || list_at(*found, "jobs").empty()) return;
      id_ = text_at(list_at(*found, "jobs")[0], "id");
    }
    const auto why = fetch(client_, "/api/v1/jobs/" + percent_encoded(id_) + "/why");
    if (why) progress_.tell_of(id_, progress_text(*why));
  }

  Client client_;
  Progress progress_;
  const std::string name_ = "docket-run-" + make_secret().substr(0, 12);
  std::string id_;
};

Result<int> print_accepted(const Context& context, const Reply& reply) {
  const Json id = Json::parse(reply.body, nullptr, false);
  if (!id.is_string()) return Error{ErrorCode::corrupt, "the master took the run without an id"};
  const std::string text = visible(id.get<std::string>());
  print((context.as_json() ? Json{{"run_id", text}}.dump() : text) + "\n");
  return 0;
}

}  // namespace

Result<int> run_command(Context& context, const RunOptions& options) {
  const auto run = request_of(context.client, options);
  if (!run) return run.error();
  Request request;
  request.method = "POST";
  request.path = "/jobe/index.php/restapi/runs";
  request.headers = {"Content-Type: application/json", "Accept: application/json"};
  if (options.asynchronous) request.headers.push_back("Prefer: respond-async");
  request.timeout_s = options.asynchronous ? kAcceptTimeoutSeconds : 0;
  request.body = run_body(*run);

  RunWatch watch(context.client, options.progress);
  if (!options.asynchronous) watch.join(request);
  const auto reply = context.client.send(request);
  watch.end();
  if (!reply) return reply.error();
  if (reply->status == 202) return print_accepted(context, *reply);
  if (reply->status != 200) return error_of(context.client, request, *reply);
  const auto result = parse_object(context.client, reply->body);
  if (!result) return result.error();
  const int outcome = static_cast<int>(number_at(*result, "outcome"));
  if (context.as_json()) {
    print(reply->body + "\n");
  } else {
    print_as_local(context.client, *result, outcome);
  }
  return exit_code_of(outcome);
}

}  // namespace docket::cli
