// SPDX-License-Identifier: Apache-2.0
//
// The first process of a container that wants one (--init): starts the real
// program, passes signals on to it, reaps whatever the container leaves behind,
// and ends as the program ends.
//
//   init [-g] [-s] [-v] [--] PROGRAM [ARGUMENT...]
//
// -g: signals go to the program's whole process group. -s and -v are accepted
// for those who know them from other inits: being a subreaper is what it always
// is, and it has nothing to say.
#pragma once

namespace gantry::init {

// Returns the exit status: the program's own; 128 + n if signal n ended it; 127 if it is not there, 126 if
// it cannot be executed.
int init_main(int argc, char** argv);

}  // namespace gantry::init
