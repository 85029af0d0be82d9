// docket audit
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/views.h"
#include "protocol/base/percent.h"

namespace docket::cli {

std::string audit_text(const Json& answer, const Look& look) {
  Table table({{"TIME"}, {"WHO"}, {"WHAT"}, {"ON"}, {"FROM"}, {"WHY"}});
  for (const auto& entry : list_at(answer, "entries")) {
    table.add({{text_at(entry, "at")},
               {text_at(entry, "who")},
               {text_at(entry, "what")},
               {text_at(entry, "on")},
               {text_at(entry, "from")},
               {text_at(entry, "why")}});
  }
  return table.text(look);
}

Result<int> audit_command(Context& context, const AuditQuery& query) {
  std::string path = "/api/v1/audit?limit=" + std::to_string(query.limit);
  if (!query.who.empty()) path += "&who=" + percent_encoded(query.who);
  if (!query.what.empty()) path += "&what=" + percent_encoded(query.what);
  if (query.before) path += "&before=" + std::to_string(*query.before);
  return show_list(context, path, {"entries", "id", audit_text, {}});
}

}  // namespace docket::cli
