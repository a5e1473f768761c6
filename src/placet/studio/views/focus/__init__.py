"""One judgment or drift item, its evidence, and what each answer to it would lead to."""
