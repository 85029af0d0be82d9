// The routes by which a listener's answers are counted: those of its APIs' tables. Pure.
#pragma once

#include <memory>

#include "master/http/traffic.h"

namespace docket::http {

std::shared_ptr<Traffic> jobe_traffic();
// With Jobe's routes, and the page's files as one.
std::shared_ptr<Traffic> ops_traffic();

}  // namespace docket::http
