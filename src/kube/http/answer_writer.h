// SPDX-License-Identifier: Apache-2.0
//
// Answers on their way out, in the form that the client wants.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/shared_bytes.h"
#include "http/server.h"
#include "kube/api/status.h"
#include "kube/http/media_type.h"
#include "kube/schema/resource.h"
#include "kube/server/api_request.h"
#include "kube/views/table.h"

namespace gantry::kube {

// How one client wants objects of one kind.
struct AnswerForm {
  Wanted wanted;
  views::IncludeObject included = views::IncludeObject::Metadata;  // in tables
  const Resource& resource;
  const Type* type = nullptr;  // of the objects: a subresource's may be its own
};

// In a field Warning of the answer, which has not begun.
void add_warning(http::ResponseWriter& response, std::string_view warning);
// What goes wrong is the client's connection.
Result<void> write_status(http::ResponseWriter& response, const Status& status);
// Fields "Warning", as many as clients take.
void add_warnings(http::HeaderMap& headers, std::span<const std::string> warnings);
// `answer` is read where the form is not JSON: what is in the store is JSON, so that cannot fail by its
// contents, but for objects of CustomResourceDefinitions that are not what their schema says any more.
Answer<void> write_answer(http::ResponseWriter& response, const ApiAnswer& answer, const AnswerForm& form);
// As one body, small pieces together.
Result<void> write_pieces(http::ResponseWriter& response, int code, std::span<const SharedBytes> pieces);

// One object, as the form has it. Columns: of tables, left out of all events of a watch but the first.
Result<SharedBytes> reshape(const SharedBytes& object, const AnswerForm& form, bool with_columns = true);

}  // namespace gantry::kube
