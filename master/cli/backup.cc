// docket backup
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {

Result<int> backup_command(Context& context, const std::string& name) {
  Request request =
      make_request("POST", "/api/v1/backup", name.empty() ? "{}" : Json{{"name", name}}.dump());
  request.timeout_s = 0;  // as long as copying takes
  const auto reply = context.client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 200) return error_of(context.client, request, *reply);
  const auto made = parse_object(context.client, reply->body);
  if (!made) return made.error();
  if (context.as_json()) {
    print(reply->body + "\n");
    return 0;
  }
  print(visible(text_at(*made, "path")) + "\n");
  std::fprintf(stderr, "docket: copied %lld jobs, %lld MB; support files are not in it\n",
               static_cast<long long>(number_at(*made, "jobs")),
               static_cast<long long>((number_at(*made, "bytes") >> 20) + 1));
  return 0;
}

}  // namespace docket::cli
