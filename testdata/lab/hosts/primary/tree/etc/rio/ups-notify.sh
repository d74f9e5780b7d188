#!/bin/sh
logger -t ups "power event: ${1:-unknown}"
