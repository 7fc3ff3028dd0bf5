"""A fleet of models whose faults are known, so that what routing does about them can be told."""
