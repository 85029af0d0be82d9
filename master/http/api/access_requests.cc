#include "master/http/api/access_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/core/seams.h"
#include "master/http/api/hold_order.h"
#include "master/http/api/query.h"
#include "master/http/api/views.h"
#include "protocol/base/digest.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::uint32_t kMostListed = 1'000;
constexpr std::uint64_t kMostSeconds = std::uint64_t{100} * 366 * 86'400;

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_token_text(const std::string& text) {
  return text.size() >= kMinTokenBytes && text.size() <= kMaxTokenBytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Status read_member(const std::string& name, const json& value, AccessToken& token) {
  const auto* text = value.get_ptr<const std::string*>();
  if (name == "name") {
    // "local" is who needs no token.
    if (text == nullptr || !acceptable_agent_name(*text) || *text == "local") {
      return invalid("name must be 1 to 64 letters, digits, '-', '_' or '.', and not 'local'");
    }
    token.name = *text;
    return ok_status();
  }
  if (name == "token") {
    if (text == nullptr || !is_token_text(*text)) {
      return invalid("token must be " + std::to_string(kMinTokenBytes) + " to " +
                     std::to_string(kMaxTokenBytes) + " printable ASCII characters without blanks");
    }
    token.hash = sha256_hex(*text);
    return ok_status();
  }
  if (name == "role") {
    const auto role = text != nullptr ? role_of(*text) : std::nullopt;
    if (!role) return invalid("role must be read, operate or admin");
    token.role = *role;
    return ok_status();
  }
  if (name == "source") {
    if (!value.is_boolean()) return invalid("source must be true or false");
    token.source = value.get<bool>();
    return ok_status();
  }
  return invalid("unknown member '" + name + "'; there are name, token, role, source");
}

}  // namespace

Result<AccessToken> read_new_token(const std::string& body) {
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object");
  AccessToken token;
  for (const auto& [name, value] : request.items()) {
    if (auto read = read_member(name, value, token); !read) return read.error();
  }
  for (const char* wanted : {"name", "token", "role"}) {
    if (!request.contains(wanted)) return invalid(std::string(wanted) + " is missing");
  }
  return token;
}

bool is_form(const Request& request) {
  return request.header("content-type").starts_with("application/x-www-form-urlencoded");
}

Result<std::string> read_login(const Request& request) {
  if (is_form(request)) {
    for (auto& [name, value] : fields_of(request.body)) {
      if (name == "token") return std::move(value);
    }
    return invalid("token is missing");
  }
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || body.size() != 1 || !body.contains("token") ||
      !body["token"].is_string()) {
    return invalid("the body must be {\"token\": text}");
  }
  return body["token"].get<std::string>();
}

Result<PurgeOrder> read_purge(const std::string& body) {
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object with older_than_s");
  PurgeOrder order;
  for (const auto& [name, value] : request.items()) {
    if (name == "older_than_s") {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() < kLeastKeptMs / 1'000 ||
          value.get<std::uint64_t>() > kMostSeconds) {
        return invalid("older_than_s must be a whole number, " +
                       std::to_string(kLeastKeptMs / 1'000) +
                       " at least: until then a client may still ask for its result");
      }
      order.older_than_ms = value.get<std::int64_t>() * 1'000;
    } else if (name == "dry_run") {
      if (!value.is_boolean()) return invalid("dry_run must be true or false");
      order.dry_run = value.get<bool>();
    } else {
      return invalid("unknown member '" + name + "'; there are older_than_s, dry_run");
    }
  }
  if (order.older_than_ms == 0) return invalid("older_than_s is missing");
  return order;
}

Result<AuditFilter> read_audit_query(std::string_view query) {
  AuditFilter filter;
  for (const auto& [name, value] : fields_of(query)) {
    if (name == "who") {
      filter.who = value;
    } else if (name == "what") {
      filter.what = value;
    } else if (name == "before") {
      const auto before = number_of(name, value, 1, std::numeric_limits<std::int64_t>::max());
      if (!before) return before.error();
      filter.before = static_cast<std::int64_t>(*before);
    } else if (name == "limit") {
      const auto limit = number_of(name, value, 1, kMostListed);
      if (!limit) return limit.error();
      filter.limit = static_cast<std::uint32_t>(*limit);
    } else {
      return invalid("unknown parameter '" + name + "'; there are who, what, before, limit");
    }
  }
  return filter;
}

std::string tokens_json(const AccessTokens& tokens) {
  ordered_json list = ordered_json::array();
  for (const auto& [name, token] : tokens) {
    list.push_back({{"name", name},
                    {"role", role_name(token.role)},
                    {"source", token.source},
                    {"created", rfc3339(token.created)}});
  }
  return dump({{"tokens", list}});
}

std::string session_json(const Caller& caller) {
  return dump({{"name", caller.name},
               {"role", role_name(caller.role)},
               {"source", caller.source},
               {"logged_in", caller.by_cookie}});
}

std::string audit_json(const std::vector<AuditRecord>& records, std::size_t most) {
  ordered_json list = ordered_json::array();
  for (const auto& [id, entry] : records) {
    list.push_back({{"id", id},
                    {"at", rfc3339(entry.at)},
                    {"who", entry.who},
                    {"what", entry.what},
                    {"on", entry.on},
                    {"why", entry.why},
                    {"from", entry.from}});
  }
  const bool more = !records.empty() && records.size() == most;
  return dump(
      {{"entries", list}, {"next", more ? ordered_json(records.back().id) : ordered_json()}});
}

std::string purge_json(std::uint64_t jobs, bool dry_run) {
  return dump({{"jobs", jobs}, {"dry_run", dry_run}});
}

std::string reason_of(const Request& request) {
  return std::string(request.header("docket-reason").substr(0, kMaxReasonBytes));
}

Response login_page(std::string_view path, int status, std::string_view problem) {
  // Relative, so that it works behind a proxy's prefix too.
  std::string up;
  for (auto depth = std::count(path.begin(), path.end(), '/'); depth > 1; --depth) up += "../";
  Response page;
  page.status = status;
  page.content_type = "text/html; charset=UTF-8";
  page.headers.emplace_back("Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                            "base-uri 'none'; frame-ancestors 'none'");
  page.headers.emplace_back("X-Content-Type-Options", "nosniff");
  page.headers.emplace_back("Referrer-Policy", "same-origin");
  page.headers.emplace_back("Cache-Control", "no-store");
  page.body =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Log in · Docket</title>\n"
      "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;"
      "padding:0 1rem}input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;"
      "margin-top:.5rem}</style>\n</head>\n<body>\n<main>\n<h1>Docket</h1>\n"
      "<form method=\"post\" action=\"" +
      up +
      "api/v1/session\">\n<label for=\"token\">Token</label>\n"
      "<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" "
      "required autofocus>\n<button type=\"submit\">Log in</button>\n</form>\n";
  if (!problem.empty()) page.body += "<p role=\"alert\">" + std::string(problem) + "</p>\n";
  page.body +=
      "<p>An administrator makes tokens with <code>docket tokens create</code> on the master's "
      "host.</p>\n</main>\n</body>\n</html>\n";
  return page;
}

}  // namespace docket::http
