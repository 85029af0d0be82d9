#include "master/cli/reach.h"

#include <curl/curl.h>

#include <memory>

#include "protocol/base/check.h"

namespace docket::cli {

Status reach(const Address& address) {
  constexpr long kTimeoutSeconds = 5;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  CHECK_THAT(easy != nullptr);
  curl_easy_setopt(easy.get(), CURLOPT_URL, ("http://" + address.text()).c_str());
  curl_easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT, kTimeoutSeconds);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return ok_status();
  return Error{ErrorCode::unavailable, curl_easy_strerror(code)};
}

}  // namespace docket::cli
