// A sandbox's own complaint inside an answer that looks like a student's mistake. Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket::agent {

enum class Step { compile, run };  // whose text it is: cmpinfo, or stderr

// The first line that a Jobe's own tools write when they fail: runguard, which signs with its path
// ("/var/www/html/jobe/app/Libraries/../../runguard/runguard: cannot start `sh': Resource
// temporarily unavailable", seen as outcome 11), sudo, and in cmpinfo the lack of a work directory
// that two jobs had got ("…/prog.out…: No such file or directory"; Jobe 2.2.2 answers 500 instead).
// Empty when there is none; at most 200 bytes. Only whole lines count, because what a compiler
// quotes of a program begins with a file's name or is indented.
//
// Not a fault is what runguard says on every host alike: a limit that it does not take ("invalid
// cputime specified: `0'"), and that a program killed the shell it ran in ("command terminated with
// signal 9"). A compiler's shell dies only of its host, or of its time.
std::string fault_signature(std::string_view text, Step step);

// The compiler was killed because its time was up: "…/runguard: warning: timelimit exceeded (wall
// time): aborting command". A busy host does that, and a program that no compiler is done with.
bool compile_time_up(std::string_view cmpinfo);

}  // namespace docket::agent
