#include "socketio/fault.h"

namespace sigway::dialects::socketio {

std::string_view phrase(Fault::Kind kind) noexcept {
  switch (kind) {
    case Fault::Kind::empty: return "the packet is empty";
    case Fault::Kind::too_large: return "the payload has too many bytes";
    case Fault::Kind::too_many_packets: return "the payload has too many packets";
    case Fault::Kind::not_utf8: return "the text is not UTF-8";
    case Fault::Kind::bad_type: return "the packet type does not exist";
    case Fault::Kind::bad_length: return "the length is not a decimal number with its delimiter";
    case Fault::Kind::cut_short: return "the packet is shorter than its length says";
    case Fault::Kind::bad_form: return "the form does not have exactly one field d";
    case Fault::Kind::bad_attachments: return "the number of attachments is wrong";
    case Fault::Kind::too_many_attachments: return "the packet has too many attachments";
    case Fault::Kind::bad_id: return "the acknowledgement id is missing or too large";
    case Fault::Kind::bad_json: return "the payload is not JSON";
    case Fault::Kind::too_deep: return "the payload has too many levels";
    case Fault::Kind::missing_payload: return "the event has no payload";
    case Fault::Kind::bad_payload: return "the payload is of the wrong kind for its packet type";
    case Fault::Kind::bad_name: return "the event name is not a string or a number";
    case Fault::Kind::reserved_name: return "the event name is reserved";
    case Fault::Kind::too_many_arguments: return "the event has too many arguments";
    case Fault::Kind::bad_placeholder: return "a placeholder of an attachment is wrong";
    case Fault::Kind::unexpected_text: return "a text packet arrived instead of an attachment";
    case Fault::Kind::unexpected_binary: return "an attachment arrived that was not announced";
  }
  return "";
}

Fault fault_of(const JsonFault& fault, std::size_t base) noexcept {
  const std::size_t offset = base + fault.offset;
  switch (fault.kind) {
    case JsonFault::Kind::utf8: return {Fault::Kind::not_utf8, offset};
    case JsonFault::Kind::depth: return {Fault::Kind::too_deep, offset};
    case JsonFault::Kind::syntax: break;
  }
  return {Fault::Kind::bad_json, offset};
}

}  // namespace sigway::dialects::socketio
