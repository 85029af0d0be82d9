#include "master/cli/show.h"

#include <nlohmann/json.hpp>

#include "master/cli/fields.h"

namespace docket::cli {

Result<int> show(Context& context, const std::string& path, View view) {
  const auto body = fetch_text(context.client, path);
  if (!body) return body.error();
  const auto answer = parse_object(context.client, *body);
  if (!answer) return answer.error();
  print(context.format == Format::json ? *body + "\n" : view(*answer, context.now, context.colour));
  return 0;
}

}  // namespace docket::cli
