// The commands about hosts.
#include "master/cli/option_kinds.h"

namespace docket::cli {
namespace {

void add_name(CLI::App& command, Options& options) {
  command.add_option("name", options.hold.name, "The agent's name, or a start that no other has")
      ->type_name("NAME")
      ->required();
}

CLI::App* add_hold(CLI::App& agents, Options& options, const char* name, const char* about,
                   const char* examples) {
  CLI::App* command = add_command(agents, name, about, examples);
  add_name(*command, options);
  command->add_option("--reason", options.hold.reason, "Why: shown to whoever wonders")
      ->type_name("TEXT")
      ->required();
  return command;
}

void add_joins(CLI::App& agents, Options& options) {
  CLI::App* token = add_command(agents, "token", "Make a token by which hosts join, and print it",
                                "  docket agents token\n"
                                "  docket agents token --ttl 2h --uses 20 --tag exam\n"
                                "  docket agents token --approve\n\n"
                                "On each host: docket-agent join TOKEN");
  token
      ->add_option("--ttl", options.join_token.ttl,
                   "How long it holds: 90s, 30m (default), 12h, 2d")
      ->type_name("TIME");
  token->add_option("--uses", options.join_token.uses, "How many hosts may join by it (default 1)")
      ->type_name("N")
      ->check(number_between(1, 10'000));
  token->add_option("--tag", options.join_token.tags, "A tag for these hosts; may be repeated")
      ->type_name("TAG")
      ->allow_extra_args(false);
  token->add_flag("--approve", options.join_token.approve,
                  "They do nothing before docket agents approve");
  token
      ->add_option("--agents-address", options.join_token.agents_address,
                   "Where these hosts reach the master's --agents-listen (default: it knows)")
      ->type_name("H:P");
  token->add_option("--revoke", options.join_token.revoke, "Withdraw the token of this id instead")
      ->type_name("ID");
  token->callback([&options] {
    options.chosen = [&options](Context& context) {
      const NewJoinToken& order = options.join_token;
      return order.revoke.empty() ? join_token_command(context, order)
                                  : revoke_join_token_command(context, order.revoke);
    };
  });
  CLI::App* approve =
      add_command(agents, "approve", "Let a host in that joined by a token with --approve",
                  "  docket agents approve lab-7\n"
                  "  docket agents approve 1f2e-3d4c-5b6a-7988-9706-f5e4-d3c2-b1a0\n\n"
                  "Compare the fingerprint with what docket-agent join told on the host.");
  approve->add_option("who", options.hold.name, "The agent's name, or its key's fingerprint")
      ->type_name("NAME|FINGERPRINT")
      ->required();
  approve->add_flag("-y,--yes", options.yes, "Do not ask");
  approve->callback([&options] {
    options.chosen = [&options](Context& context) {
      return approve_command(context, options.hold.name, options.yes);
    };
  });
  CLI::App* remove =
      add_command(agents, "remove", "Drain a host, revoke its key and forget it",
                  "  docket agents remove lab-7\n"
                  "  docket agents remove lab-7 --deadline 60 -y\n"
                  "  docket agents remove lab-7 --now -y     (it is in the wrong hands)");
  remove->add_option("name", options.hold.name, "The agent's whole name")
      ->type_name("NAME")
      ->required();
  remove->add_flag("-y,--yes", options.hold.yes, "Do not ask");
  remove->add_flag("--now", options.hold.at_once,
                   "Without a drain: what runs there goes to other hosts, whatever it says");
  remove
      ->add_option("--deadline", options.hold.deadline_s,
                   "Seconds after which what still runs there goes to other hosts")
      ->type_name("S")
      ->check(CLI::Range(0, 86'400));
  remove->callback([&options] {
    options.hold.drain = true;
    options.hold.reason = "it is being removed";
    options.chosen = [&options](Context& context) { return remove_command(context, options.hold); };
  });
}

}  // namespace

void add_agents(CLI::App& app, Options& options) {
  CLI::App* agents = add_command(app, "agents", "The hosts that run programs",
                                 "  docket agents list\n"
                                 "  docket agents token --uses 5\n"
                                 "  docket agents drain lab-7 --reason 'kernel upgrade'\n"
                                 "  docket agents resume lab-7");
  agents->require_subcommand(1);
  CLI::App* list = add_command(*agents, "list", "Every agent, its load and why it takes no work",
                               "  docket agents list\n"
                               "  docket agents list -o json | jq -r '.agents[].name'");
  add_watch(*list, options);
  list->callback([&options] { options.chosen = agents_command; });
  CLI::App* show = add_command(*agents, "show", "One host: state, languages, what runs there",
                               "  docket agents show lab-7\n"
                               "  docket agents show lab-7 -o json | jq .host");
  add_name(*show, options);
  show->callback([&options] {
    options.chosen = [&options](Context& context) {
      return agent_command(context, options.hold.name);
    };
  });
  CLI::App* test = add_command(*agents, "test", "Run a program in each of a host's languages there",
                               "  docket agents test lab-7\n\n"
                               "Programs whose output is known, also on a host that takes no work. "
                               "It decides nothing:\na host that fails goes on as it is. The exit "
                               "status is 1 when one failed.");
  add_name(*test, options);
  add_reason(*test, options);
  test->callback([&options] {
    options.chosen = [&options](Context& context) {
      return test_agent_command(context, options.hold.name);
    };
  });
  CLI::App* cordon = add_hold(*agents, options, "cordon", "Give a host nothing new",
                              "  docket agents cordon lab-7 --reason 'slow disk'");
  CLI::App* drain = add_hold(*agents, options, "drain",
                             "Give a host nothing new, and wait until nothing runs there",
                             "  docket agents drain lab-7 --reason 'kernel upgrade'\n"
                             "  docket agents drain lab-7 --reason move --deadline 60\n\n"
                             "Interrupting it leaves the drain in force.");
  drain
      ->add_option("--deadline", options.hold.deadline_s,
                   "Seconds after which what still runs there goes to other hosts")
      ->type_name("S")
      ->check(CLI::Range(0, 86'400));
  drain->add_flag("--no-wait", options.hold.no_wait, "Return at once");
  for (CLI::App* command : {cordon, drain}) {
    command->callback([&options, drains = command == drain] {
      options.hold.drain = drains;
      options.chosen = [&options](Context& context) { return hold_command(context, options.hold); };
    });
  }
  add_joins(*agents, options);
  CLI::App* resume = add_command(*agents, "resume",
                                 "Let a host take work again: after cordon, drain or quarantine",
                                 "  docket agents resume lab-7");
  add_name(*resume, options);
  add_reason(*resume, options);
  resume->callback([&options] {
    options.chosen = [&options](Context& context) {
      return resume_command(context, options.hold.name);
    };
  });
}

}  // namespace docket::cli
