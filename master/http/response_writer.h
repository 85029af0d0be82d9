// Puts a Response into the bytes of an HTTP/1.1 answer. Pure; any thread.
#pragma once

#include <string>

#include "master/http/server.h"

namespace docket::http {

struct Framing {
  bool head_only = false;   // the request was HEAD: no body is sent
  bool close = false;       // the connection closes behind this answer
  bool keep_alive = false;  // say so: an HTTP/1.0 client must be told
};

// Appends status line and headers. Content-Type and Content-Length only where there can be a body
// (RFC 9110, 8.6); a header of the response that could break the framing is left out.
void append_head(std::string& out, const Response& response, const Framing& framing);

// Whether the body follows the head on the wire.
bool sends_body(const Response& response, const Framing& framing);

}  // namespace docket::http
