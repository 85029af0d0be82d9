#include "master/cli/completion.h"

#include <algorithm>
#include <vector>

namespace docket::cli {
namespace {

struct Word {
  std::string text;
  std::string about;
};

enum class Value { none, anything, one_of, file };

struct Option {
  std::vector<Word> names;  // of which any may be written
  Value value = Value::none;
  std::string choices;  // separated by blanks
};

// What may stand behind a command.
struct Place {
  std::string path;  // "docket jobs list"
  std::vector<Word> commands;
  std::vector<Option> options;
  std::vector<Option> positionals;
};

// A check's name is the list of words that it lets through, or empty.
std::string choices_of(CLI::Option& option) {
  try {
    return option.get_validator(0)->get_name();
  } catch (const CLI::OptionNotFound&) {
    return "";
  }
}

Value value_of(const CLI::Option& option, const std::string& choices) {
  if (option.get_items_expected_max() == 0) return Value::none;
  if (!choices.empty()) return Value::one_of;
  const std::string type = option.get_type_name();
  const bool file = type == "FILE" || type == "PATH" || type == "PROG";
  return file ? Value::file : Value::anything;
}

Option described(CLI::Option& option) {
  Option out;
  out.choices = choices_of(option);
  out.value = value_of(option, out.choices);
  for (const auto& name : option.get_lnames()) {
    out.names.push_back({"--" + name, option.get_description()});
  }
  for (const auto& name : option.get_snames()) {
    out.names.push_back({"-" + name, option.get_description()});
  }
  return out;
}

void collect(CLI::App& app, const std::string& path, std::vector<Place>& places) {
  Place place{path, {}, {}, {}};
  for (CLI::Option* option : app.get_options()) {
    (option->get_positional() ? place.positionals : place.options).push_back(described(*option));
  }
  const auto commands = app.get_subcommands([](CLI::App*) { return true; });
  for (CLI::App* command : commands) {
    place.commands.push_back({command->get_name(), command->get_description()});
  }
  places.push_back(std::move(place));
  for (CLI::App* command : commands) {
    collect(*command, path + " " + command->get_name(), places);
  }
}

std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Of a case: 'a' | 'b'. Empty for an empty list.
std::string pattern(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " | ") + shell_word(word);
  return out;
}

// As one word of a shell: 'list drain'.
std::string joined(const std::vector<Word>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word.text;
  return shell_word(out);
}

// As words of zsh's _describe: 'list:Every agent' 'drain:…'.
std::string described_words(const std::vector<Word>& words) {
  std::string out;
  for (const auto& word : words) out += " " + shell_word(word.text + ":" + word.about);
  return out.empty() ? out : out.substr(1);
}

std::vector<Word> option_words(const Place& place) {
  std::vector<Word> words;
  for (const auto& option : place.options) {
    words.insert(words.end(), option.names.begin(), option.names.end());
  }
  return words;
}

// Every "docket agents list --state" whose next word is of that kind.
std::vector<std::string> before_value(const std::vector<Place>& places, Value value) {
  std::vector<std::string> out;
  for (const auto& place : places) {
    for (const auto& option : place.options) {
      if (option.value != value) continue;
      for (const auto& name : option.names) out.push_back(place.path + " " + name.text);
    }
  }
  return out;
}

std::vector<std::string> command_paths(const std::vector<Place>& places) {
  std::vector<std::string> out;
  for (const auto& place : places) {
    if (&place != &places.front()) out.push_back(place.path);
  }
  return out;
}

// The lines of a case, for the options whose value is one of some words.
template <class Line>
std::string choice_cases(const std::vector<Place>& places, Line line) {
  std::string out;
  for (const auto& place : places) {
    for (const auto& option : place.options) {
      if (option.value != Value::one_of) continue;
      std::vector<std::string> before;
      for (const auto& name : option.names) before.push_back(place.path + " " + name.text);
      out += "    " + pattern(before) + ") " + line(option.choices) + " ;;\n";
    }
  }
  return out;
}

bool takes_files(const Place& place) {
  return std::any_of(place.positionals.begin(), place.positionals.end(),
                     [](const Option& option) { return option.value == Value::file; });
}

std::string positional_choices(const Place& place) {
  return place.positionals.empty() ? "" : place.positionals.front().choices;
}

std::string bash_script(const std::vector<Place>& places) {
  std::string out =
      "# Completion of docket for bash, as printed by: docket completion bash\n"
      "_docket() {\n"
      "  local at=docket words='' options='' files=no i\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n"
      "    " +
      pattern(command_paths(places)) +
      ") at+=\" ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const auto& place : places) {
    const std::string choices = positional_choices(place);
    out += "    " + shell_word(place.path) + ") options=" + joined(option_words(place));
    if (!place.commands.empty()) out += " words=" + joined(place.commands);
    if (!choices.empty()) out += " words=" + shell_word(choices);
    if (takes_files(place)) out += " files=yes";
    out += " ;;\n";
  }
  out +=
      "  esac\n"
      "  [[ $current != -* ]] || words=$options files=no\n"
      "  case \"$at $before\" in\n";
  out += choice_cases(places,
                      [](const auto& choices) { return "files=no words=" + shell_word(choices); });
  out += "    " + pattern(before_value(places, Value::file)) + ") words='' files=yes ;;\n";
  out += "    " + pattern(before_value(places, Value::anything)) + ") return ;;\n";
  out +=
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  [ $files = yes ] || return 0\n"
      "  mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "  compopt -o filenames 2> /dev/null || true\n"
      "}\n"
      "complete -F _docket docket\n";
  return out;
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string out =
      "#compdef docket\n"
      "# Completion of docket for zsh, as printed by: docket completion zsh\n"
      "_docket() {\n"
      "  local at=docket files=no i current=${words[CURRENT]} before=${words[CURRENT - 1]}\n"
      "  local -a offered flags\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$at ${words[i]}\" in\n"
      "    " +
      pattern(command_paths(places)) +
      ") at+=\" ${words[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at $before\" in\n";
  out += choice_cases(places,
                      [](const auto& choices) { return "compadd -- " + choices + "; return"; });
  out += "    " + pattern(before_value(places, Value::file)) + ") _files; return ;;\n";
  out += "    " + pattern(before_value(places, Value::anything)) + ") return ;;\n";
  out +=
      "  esac\n"
      "  case \"$at\" in\n";
  for (const auto& place : places) {
    out +=
        "    " + shell_word(place.path) + ") flags=(" + described_words(option_words(place)) + ")";
    if (!place.commands.empty()) out += " offered=(" + described_words(place.commands) + ")";
    const std::string choices = positional_choices(place);
    if (!choices.empty()) out += " offered=(" + choices + ")";
    if (takes_files(place)) out += " files=yes";
    out += " ;;\n";
  }
  out +=
      "  esac\n"
      "  if [[ $current == -* ]]; then\n"
      "    _describe -o option flags\n"
      "  elif [[ $files == yes ]]; then\n"
      "    _files\n"
      "  else\n"
      "    _describe command offered\n"
      "  fi\n"
      "}\n"
      "if [[ ${funcstack[1]} == _docket ]]; then _docket \"$@\"; else compdef _docket docket; fi\n";
  return out;
}

}  // namespace

std::string completion_script(CLI::App& app, Shell shell) {
  std::vector<Place> places;
  collect(app, app.get_name(), places);
  return shell == Shell::bash ? bash_script(places) : zsh_script(places);
}

}  // namespace docket::cli
