// docket: the command line of a Docket master.
#include "master/cli/app.h"

int main(int argc, char** argv) {
  return docket::cli::run_command_line(argc, argv);
}
