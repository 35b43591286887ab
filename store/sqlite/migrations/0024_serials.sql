-- Serial numbers are kept as operators see them elsewhere: two digits for each
-- byte, with the zero in front that openssl and browsers show. Old CAs have given
-- negative ones, too.
UPDATE lscs               SET serial = '0' || serial             WHERE length(serial) % 2 = 1 AND serial NOT LIKE '-%';
UPDATE lscs               SET serial = '-0' || substr(serial, 2) WHERE length(serial) % 2 = 0 AND serial LIKE '-%';
UPDATE trust_certificates SET serial = '0' || serial             WHERE length(serial) % 2 = 1 AND serial NOT LIKE '-%';
UPDATE trust_certificates SET serial = '-0' || substr(serial, 2) WHERE length(serial) % 2 = 0 AND serial LIKE '-%';
