// SPDX-License-Identifier: Apache-2.0
#include "http/date_now.h"

#include <ctime>

#include "http/message.h"

namespace gantry::http {

const std::string& date_now() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  if (const std::time_t now = ::time(nullptr); now != second) {
    second = now;
    text = format_http_date(now);
  }
  return text;
}

}  // namespace gantry::http
