"""Files from the web, checked: picture shards at an https address, data sets of the Hugging Face Hub."""
