-- How busy a worker's computer was at its last sign of life: processor, memory, graphics card, temperature, power
-- (records.Readings). What could not be read is not in it.
ALTER TABLE workers ADD COLUMN readings jsonb NOT NULL DEFAULT '{}' CHECK (length(readings::text) <= 1000);
