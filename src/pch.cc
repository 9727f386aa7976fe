// SPDX-License-Identifier: Apache-2.0
// Only the precompiled header is compiled here.
