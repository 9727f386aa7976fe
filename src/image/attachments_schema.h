// SPDX-License-Identifier: Apache-2.0
//
// Which manifests are kept because another one is (attachments.h).
#pragma once

namespace gantry::image {

inline constexpr const char* kAttachmentsTable = R"sql(
CREATE TABLE attachments (subject TEXT NOT NULL, referrer TEXT NOT NULL, PRIMARY KEY (subject, referrer)) WITHOUT ROWID;
CREATE INDEX attachments_by_referrer ON attachments (referrer);
CREATE TRIGGER subject_gone AFTER DELETE ON blobs BEGIN DELETE FROM attachments WHERE subject = old.digest; END;
CREATE TRIGGER attachment_gone AFTER DELETE ON attachments
  BEGIN INSERT INTO candidates SELECT old.referrer WHERE old.referrer NOT IN candidates; END;
DROP VIEW held;
CREATE VIEW held (digest) AS
  SELECT child FROM edges UNION ALL SELECT target FROM names UNION ALL SELECT manifest FROM images
  UNION ALL SELECT digest FROM lease_blobs UNION ALL SELECT digest FROM repository_blobs
  UNION ALL SELECT digest FROM repository_manifests UNION ALL SELECT blob FROM layer_cache
  UNION ALL SELECT referrer FROM attachments;
)sql";

}  // namespace gantry::image
