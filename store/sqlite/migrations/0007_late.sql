-- How many devices are late is answered by the index alone: a tenth of 100,000
-- devices that have an operation scheduled would else be looked up one by one.
DROP INDEX devices_scheduled;
CREATE INDEX devices_scheduled ON devices (operation, name, completes_by) WHERE operation <> 'none';
