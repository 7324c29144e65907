#pragma once
// A request that is answered from a transaction, with no thread that waits for the commit.
#include <atrium/http.hpp>
#include <atrium/store.hpp>

namespace atrium {

/// prepare(request) checks what was sent and returns the transaction's work; after the commit the answer is
/// reply(what the work returned). What any of them throws is answered as a fault.
template <class Prepare, class MakeReply>
void answer_committed(const Store& store, Request request, Prepare prepare, MakeReply reply) {
  try {
    auto work = prepare(request);
    const Principal who = request.principal();
    store.submit(who, std::move(work), [request = std::make_shared<Request>(std::move(request)), reply](auto outcome) {
      try {
        request->respond(reply(outcome()));
      } catch (...) {
        request->fail_current();
      }
    });
  } catch (...) {
    if (request.raw()) request.fail_current();
  }
}

}  // namespace atrium
