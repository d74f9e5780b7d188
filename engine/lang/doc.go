// Package lang is hikae's language: HCL in, with diagnostics that say where,
// what and what to do; HCL out; and the form that a snapshot has on disk.
//
// # Two readers
//
// A project is what a person writes: Load reads all *.hcl of its directory with
// hclsyntax, evaluates expressions, and gives hosts, pairs, overlays and
// backups. A snapshot is what hikae writes: DecodeSnapshot reads it as data,
// with a reader of its own for the literal part of HCL. There are two because
// a snapshot comes from a host and may be large: data must stay bytes (cty
// normalises strings to NFC, so it cannot hold every path), work must be
// bounded by the size of the input, and parsing 3,000 blocks took hclsyntax 59 ms
// and 36 MB where the whole of DecodeSnapshot takes 16 ms and 7 MB. All that a snapshot holds is
// also valid HCL: tests hold the two readers to one meaning.
//
// # Raw bytes
//
// Names of resources are raw bytes. In HCL and in lock files they are written
// percent-escaped where they are odd: see Escape.
//
// # Limits
//
// A file of a project has at most 1 MiB, a directory 1,000 of them, an
// expression 100 levels of brackets. A file of a snapshot has at most 64 MiB,
// a snapshot 1,000,000 resources, a value 16 levels. Beyond them there is a
// diagnostic, and nothing is read. What the expressions of a project compute is
// its author's: locals that double a list forty times over take what they take.
package lang
