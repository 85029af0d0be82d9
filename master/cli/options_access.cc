// The commands of access: tokens, logging in, the audit list, purging.
#include "master/cli/option_kinds.h"

namespace docket::cli {
namespace {

constexpr const char* kRoles[] = {"read", "operate", "admin"};

void add_tokens(CLI::App& app, Options& options) {
  CLI::App* tokens =
      add_command(app, "tokens", "Tokens: who may use the operations listener, and how far",
                  "  docket tokens create ana --role operate\n"
                  "  docket tokens list\n"
                  "  docket tokens revoke ana");
  tokens->require_subcommand(1);
  CLI::App* create = add_command(
      *tokens, "create", "Make a token and print it, once",
      "  docket tokens create ana --role admin --source\n"
      "  docket tokens create prometheus --role read\n\n"
      "read looks at the cluster, operate also holds agents, cancels and submits runs, admin does\n"
      "everything. The first is made on the master's host, where the operations listener is on\n"
      "loopback and asks for none.");
  create->add_option("name", options.token.name, "Who: it stands in lists and in docket audit")
      ->type_name("NAME")
      ->required();
  create->add_option("--role", options.token.role, "read, operate or admin")
      ->type_name("ROLE")
      ->check(one_of(kRoles))
      ->required();
  create->add_flag("--source", options.token.source,
                   "May see what students submit and what their programs print");
  add_reason(*create, options);
  create->callback([&options] {
    options.chosen = [&options](Context& context) {
      return create_token_command(context, options.token);
    };
  });
  CLI::App* list =
      add_command(*tokens, "list", "Every token by name, without itself", "  docket tokens list");
  list->callback([&options] { options.chosen = list_tokens_command; });
  CLI::App* revoke = add_command(*tokens, "revoke", "Shut out whoever uses this token, at once",
                                 "  docket tokens revoke ana\n"
                                 "  docket tokens revoke ana -y     (in a script)");
  revoke->add_option("name", options.token_name, "The token's name")->type_name("NAME")->required();
  revoke->add_flag("-y,--yes", options.yes, "Do not ask");
  add_reason(*revoke, options);
  revoke->callback([&options] {
    options.chosen = [&options](Context& context) {
      return revoke_token_command(context, options.token_name, options.yes);
    };
  });
}

void add_login(CLI::App& app, Options& options) {
  CLI::App* login =
      add_command(app, "login", "Keep the token for a master, and speak to that one from now on",
                  "  docket login https://docket.example.org\n"
                  "  docket login https://10.0.0.7:8443 --ca-file our-ca.pem\n"
                  "  pass show docket | docket login https://docket.example.org\n\n"
                  "The token is asked for, or read from standard input; it is kept in\n"
                  "~/.config/docket/credentials.json, readable by you alone.");
  login->add_option("url", options.login.url, "The master's operations listener")->type_name("URL");
  login
      ->add_option("--ca-file", options.login.ca_file,
                   "Believe certificates signed by those in this file, not the system's")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  login->callback([&options] {
    options.chosen = [&options](Context& context) { return login_command(context, options.login); };
  });
  CLI::App* logout = add_command(app, "logout", "Forget the token for a master",
                                 "  docket logout https://docket.example.org");
  logout->add_option("url", options.logout_url, "The master's operations listener")
      ->type_name("URL");
  logout->callback([&options] {
    options.chosen = [&options](Context& context) {
      return logout_command(context, options.logout_url);
    };
  });
}

void add_audit(CLI::App& app, Options& options) {
  AuditQuery& query = options.audit;
  CLI::App* audit = add_command(app, "audit", "Who did what, newest first",
                                "  docket audit\n"
                                "  docket audit --who ana --what agents\n"
                                "  docket audit -o json | jq '.entries[]'");
  audit->add_option("--who", query.who, "Only what this token's owner did; local: without one")
      ->type_name("NAME");
  audit->add_option("--what", query.what, "Only this action, or all that begin so: agents")
      ->type_name("ACTION");
  audit->add_option("--before", query.before, "Only entries with a lower number, to go on behind")
      ->type_name("N");
  audit->add_option("-n,--limit", query.limit, "At most N entries, up to 1000")
      ->type_name("N")
      ->check(number_between(1, 1'000))
      ->capture_default_str();
  audit->callback([&options] {
    options.chosen = [&options](Context& context) { return audit_command(context, options.audit); };
  });
}

}  // namespace

void add_access(CLI::App& app, Options& options) {
  add_tokens(app, options);
  add_login(app, options);
  add_audit(app, options);
}

void add_purge(CLI::App& jobs, Options& options) {
  PurgeOptions& purge = options.purge;
  CLI::App* command = add_command(
      jobs, "purge", "Delete what finished runs submitted and printed, but not that they ran",
      "  docket jobs purge --older-than 90d --dry-run\n"
      "  docket jobs purge --older-than 12h -y     (in a script)\n\n"
      "What is older than the master's --source-days goes by itself. Copies made by docket backup\n"
      "keep what they have.");
  command->add_option("--older-than", purge.older_than, "Ended longer ago: 12h, 90d, 26w")
      ->type_name("AGE")
      ->required();
  command->add_flag("--dry-run", purge.dry_run, "Only say how many there are");
  command->add_flag("-y,--yes", purge.yes, "Do not ask");
  add_reason(*command, options);
  command->callback([&options] {
    options.chosen = [&options](Context& context) { return purge_command(context, options.purge); };
  });
}

}  // namespace docket::cli
