#!/bin/sh
# Started by hand for years, then from here: runs though nobody enabled it.
exec systemctl start --no-block rio-beacon.service
