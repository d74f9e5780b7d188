// Package agent is the wire between the controller, which compiles and plans,
// and the agent, which reads and writes the host that it runs on.
//
// The protocol runs over any stream of bytes: the standard input and output
// of a program started by SSH, or a pipe within one process (Local). Each side
// begins with a Hello and waits for none, so that a session costs one round
// trip. After it the client asks and the server answers, one operation at a
// time:
//
//	Read   the modules run beside the data; what they find is streamed back
//	Fetch  contents that a Read of this session declared, and no others; those that
//	       it has not named, by the paths of their files
//	Apply  the changes, then the contents that the agent lacks, then the work
//	Watch  what changes is told as it does, until the client has had enough
//	Trust  the keys that the host's read-only sessions go by, to be kept there
//
// Modules run in the agent, so no request names a file to read: a client can
// only fetch what a module found worth declaring.
//
// # Frames
//
// A frame is a header of five bytes, the length of its payload (big endian, at
// most MaxFrame) and its kind, then the payload. A message is the payload of
// one frame or, with the kind's top bit set in all but the last, of several:
// at most MaxMessage. Payloads are CBOR (RFC 8949) without tags or indefinite
// lengths; resources and changes are CBOR sequences (RFC 8742). Strings travel
// as byte strings, because a path need not be UTF-8. Contents travel as chunk
// frames, whose payload is the bytes themselves.
//
// Any frame that the state of the session does not allow ends the session.
//
// # Trust
//
// Neither side believes the other. The server checks every address, node and
// content that it is sent before an Applier sees it, and refuses Apply in a
// read-only session whatever the client says. The client refuses resources
// that its schemas do not know, and hands out only those contents that the
// changes it sends need, however the agent asks.
//
// A secret leaves the agent only sealed to age recipients. It is named by its
// HMAC-SHA-256 under the home key, never by an unkeyed hash. In a read-only
// session the key, the recipients and the trees beyond /etc are those that the
// host holds itself (Trust): the client can choose none of them, and gives none.
//
// # A lost link
//
// Each side pings. One that hears nothing while it listens takes the link for
// dead in well under 30 seconds. An agent that loses its client while it
// applies begins nothing new (engine.Stopping), brings what it has begun to
// its end, and exits.
package agent
