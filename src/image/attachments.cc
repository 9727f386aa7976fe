// SPDX-License-Identifier: Apache-2.0
#include "image/attachments.h"

#include "image/manifest_record.h"

namespace gantry::image {

using database::Connection;
using database::Rows;

Result<void> attach(ImageStore& store, const oci::Digest& subject, const oci::Digest& referrer) {
  return store.database().write([&](Connection& c) -> Result<void> {
    for (const oci::Digest& digest : {subject, referrer})
      if (!TRY(c.value<std::int64_t>("SELECT 1 FROM manifests WHERE digest = ?1", digest.str())))
        return error(Code::NotFound, "there is no manifest {}", digest.str());
    TRY(c.execute("INSERT OR IGNORE INTO attachments (subject, referrer) VALUES (?1, ?2)", subject.str(),
                  referrer.str()));
    return {};
  });
}

Result<std::vector<oci::Digest>> attachments_of(ImageStore& store, const oci::Digest& subject) {
  return store.database().read([&](Connection& c) -> Result<std::vector<oci::Digest>> {
    std::vector<oci::Digest> referrers;
    Rows rows = TRY(c.query("SELECT referrer FROM attachments WHERE subject = ?1", subject.str()));
    while (TRY(rows.next())) referrers.push_back(TRY(digest_in(rows, 0)));
    return referrers;
  });
}

}  // namespace gantry::image
