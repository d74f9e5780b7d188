// Package docs holds nothing but the tests of the pages beside it: that they say
// what is so.
package docs
