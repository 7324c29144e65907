// pistache PORT: Pistache as it comes, with its own router, one thread.
#include <pistache/endpoint.h>
#include <pistache/router.h>

#include <string>

int main(int, char** arguments) {
  using namespace Pistache;
  static const std::string hello = R"({"status":"healthy","service":"peer","version":"0.1.0","uptime_seconds":1})";
  Rest::Router router;
  Rest::Routes::Get(router, "/health", [](const Rest::Request, Http::ResponseWriter response) {
    response.headers().add<Http::Header::ContentType>(MIME(Application, Json));
    response.send(Http::Code::Ok, hello);
    return Rest::Route::Result::Ok;
  });
  Http::Endpoint endpoint(Address(Ipv4::loopback(), Port(static_cast<std::uint16_t>(std::stoi(arguments[1])))));
  endpoint.init(Http::Endpoint::options().threads(1).flags(Tcp::Options::ReuseAddr | Tcp::Options::NoDelay));
  endpoint.setHandler(router.handler());
  endpoint.serve();
}
