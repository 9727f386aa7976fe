// SPDX-License-Identifier: Apache-2.0
//
// How the types of images stand in JSON. For the .cc files of this folder.
#pragma once

#include "base/json_codec.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

template <>
struct gantry::json::TypeOf<gantry::oci::Digest> : gantry::json::TextTypeOf<gantry::oci::Digest> {};

template <>
struct gantry::json::TypeOf<gantry::oci::InlineData> : gantry::json::TextTypeOf<gantry::oci::InlineData> {};
