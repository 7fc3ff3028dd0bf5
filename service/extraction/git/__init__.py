"""Reading local git repositories through the git command, which must not run anything of theirs."""
