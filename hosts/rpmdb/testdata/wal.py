"""Does things to an rpmdb.sqlite as another process: a word of what, on stdin, is answered by a line when it is done.

The connection is never closed in order, so that no closing checkpoint tidies the log away.
"""
import os
import random
import sqlite3
import sys
import time

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA wal_autocheckpoint=0")
db.execute("PRAGMA cache_size=2")  # so that even what is not committed goes to the log

for line in sys.stdin:
    word, *args = line.split()
    if word == "mode":
        db.execute("PRAGMA journal_mode=" + args[0])
    elif word == "delete":
        db.execute("DELETE FROM Packages WHERE hnum % ? = 0", (int(args[0]),))
    elif word == "copy":
        db.execute("INSERT INTO Packages (blob) SELECT blob FROM Packages")
    elif word == "begin":
        db.execute("BEGIN IMMEDIATE")
    elif word == "rollback":
        db.execute("ROLLBACK")
    elif word == "checkpoint":
        db.execute("PRAGMA wal_checkpoint(%s)" % args[0])
    elif word == "pagesize":
        db.execute("PRAGMA cache_size=-20000")
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("PRAGMA page_size=" + args[0])
        db.execute("VACUUM")
    elif word == "vacuum":
        db.execute("VACUUM")
    elif word == "blobs":  # what flip takes turns with: a package to be there 40 times, and one 60 times
        db.execute("CREATE TABLE Blobs AS SELECT 20*hnum+20 AS n, blob FROM Packages ORDER BY hnum LIMIT 2")
    elif word == "flip":  # all packages of one name for all of the other, in one transaction, now and then with a checkpoint
        for i in range(int(args[0])):
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM Packages")
            n = 40 if i % 2 == 0 else 60
            db.execute("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?) "
                       "INSERT INTO Packages (hnum, blob) SELECT i, (SELECT blob FROM Blobs WHERE n=?) FROM c", (n, n))
            db.execute("COMMIT")
            if i % 3 == 0:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            time.sleep(random.random() * 0.08)  # a reader has a chance, and often misses it
    print("done", flush=True)
os._exit(0)
