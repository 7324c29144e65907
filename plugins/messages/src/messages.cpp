// Messages between agents, or to a channel.
#include <atrium/plugin.hpp>

namespace messages {

struct Message {
  atrium::Id id;
  std::optional<atrium::Id> sender_agent_id, recipient_agent_id;
  std::optional<std::string> channel;
  std::string subject, body;
  bool is_read = false;
  std::optional<atrium::Time> read_at;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "messages", event = "message";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Message::id).read_only(),
      atrium::member("sender_agent_id", &Message::sender_agent_id)
          .description("Who says it; null: the person signed in"),
      atrium::member("recipient_agent_id", &Message::recipient_agent_id).description("One agent; else give a channel"),
      atrium::member("channel", &Message::channel).length(1, 100).description("Everybody who listens there"),
      atrium::member("subject", &Message::subject).length(0, 200),
      atrium::member("body", &Message::body).length(1, 100'000).required(),
      atrium::member("is_read", &Message::is_read).read_only(),
      atrium::member("read_at", &Message::read_at).read_only(),
      atrium::member("created_at", &Message::created_at).read_only(),
      atrium::member("updated_at", &Message::updated_at).read_only(),
      atrium::member("revision", &Message::revision).read_only());
};

struct SendArguments {
  std::optional<atrium::Id> recipient_agent_id;
  std::optional<std::string> channel;
  std::string subject, body;

  static constexpr auto members = atrium::members(
      atrium::member("recipient_agent_id", &SendArguments::recipient_agent_id).description("The agent to write to"),
      atrium::member("channel", &SendArguments::channel).length(1, 100).description("Or the channel to write to"),
      atrium::member("subject", &SendArguments::subject).length(0, 200),
      atrium::member("body", &SendArguments::body).length(1, 100'000).required());
};

class Messages final : public atrium::Plugin {
 public:
  void start() override {
    auto messages = resource<Message>("/messages", "Messages");
    messages.list()
        .filter_any("agent_id", "recipient_agent_id", "sender_agent_id")
        .filter("sender_agent_id")
        .filter("channel")
        .filter("is_read");
    messages.read();
    messages.create("/messages/send")
        .options([](atrium::RouteOptions& options) { options.summary = "Send a message to an agent or a channel"; })
        .check([](const atrium::Request&, Message& now, const Message*, std::vector<atrium::Fault>& faults) {
          check_addresses(now, faults);
        })
        .before([](atrium::Transaction& tx, const atrium::Principal&, Message& now, const Message*) {
          require_agents(tx, now);
        })
        .topic([](const Message&) { return "message.new"; });

    patch("/messages/{id}/read",
          {.summary = "Mark as read", .answer = atrium::schema<Message>(), .tag = "Messages", .viewer = true},
          [this](atrium::Request& request) { return mark_read(request); });

    tool<SendArguments>(
        "message_send", {.summary = "Send a message to another agent or to a channel", .risk = atrium::Risk::writes},
        [this](const atrium::ToolCall& tool, SendArguments arguments) { return send(tool, std::move(arguments)); });
  }

 private:
  static void check_addresses(const Message& message, std::vector<atrium::Fault>& faults) {
    if (message.recipient_agent_id.has_value() == message.channel.has_value())
      faults.push_back({"/recipient_agent_id", "give either recipient_agent_id or channel"});
  }
  static void require_agents(atrium::Transaction& tx, const Message& message) {
    for (const auto& [pointer, agent] :
         {std::pair{"/sender_agent_id", message.sender_agent_id}, {"/recipient_agent_id", message.recipient_agent_id}})
      if (agent) atrium::require(tx, "agents/directory", *agent, pointer);
  }

  atrium::Reply mark_read(const atrium::Request& request) {
    return atrium::ok(store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      auto message = tx.get<Message>(request.principal(), request.id());
      atrium::require_match(request.header("if-match").value_or(""), message);
      if (!message.is_read) {
        message.is_read = true;
        message.read_at = atrium::Time::now();
        tx.update(message);
        tx.publish("message.read", message);
      }
      return message;
    }));
  }

  atrium::Json send(const atrium::ToolCall& tool, SendArguments arguments) {
    Message message;
    message.sender_agent_id = atrium::Id::parse(tool.agent_id);
    message.recipient_agent_id = arguments.recipient_agent_id;
    message.channel = std::move(arguments.channel);
    message.subject = std::move(arguments.subject);
    message.body = std::move(arguments.body);
    std::vector<atrium::Fault> faults;
    check_addresses(message, faults);
    if (!faults.empty()) throw atrium::invalid(std::move(faults));
    store().transaction(tool.agent, [&](atrium::Transaction& tx) {
      require_agents(tx, message);
      tx.insert(message);
      tx.publish("message.new", message);
    });
    return {{"message_id", message.id.str()}};
  }
};

}  // namespace messages

ATRIUM_PLUGIN(messages::Messages)
