#pragma once

#include "dialects/command.h"
#include "socketio/application.h"

/// The codelab's `message` in the words that all dialects share, and back. All else is the type
/// `message`. Thread: any.
///
///     a page                                       others
///     {type:"offer",sdp}, {type:"answer",sdp}      offer, answer
///     {type:"candidate",label,id,candidate}        candidate, a W3C RTCIceCandidateInit
///     "got user media"                             link: it can be called from now on
///     "bye"                                        bye
///     "bye" (it only hears that)                   renew: the call is begun anew
namespace sigway::dialects::socketio {

/// What the page says with the first argument; attachments inside of it become `{"base64":"…"}`,
/// one that is all of it becomes bytes.
Say say_of(const Emission& emission);

/// Appends what a page hears: one `message`, or one for each candidate.
void append_messages(EventChain& events, const event::Said& said);

}  // namespace sigway::dialects::socketio
