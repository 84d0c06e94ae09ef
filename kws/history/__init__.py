"""Events on disk, in SQLite: written as they come, replayed and looked through later."""
