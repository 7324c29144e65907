#pragma once
// How Plugin::resource() answers: the usual routes, each in one transaction with its audit row and event.
#include <atrium/plugin.hpp>

namespace atrium {

template <Stored T>
ListRoute<T>& Plugin::Resource<T>::list() {
  auto list = std::make_shared<ListRoute<T>>();
  plugin_->deferred_.push_back([plugin = plugin_, path = path_, tag = tag_, list] {
    plugin->get(path, list->described(tag),
                [plugin, list](Request& request) { return list->answer(plugin->store(), request); });
  });
  return *list;
}

template <Stored T>
void Plugin::Resource<T>::read(const std::function<void(RouteOptions&)>& adapt) {
  RouteOptions options{.summary = "Read one", .runs = Runs::fast_read, .answer = schema<T>(), .tag = tag_};
  if (adapt) adapt(options);
  plugin_->get(item(), options, [plugin = plugin_](Request& request) {
    return ok(plugin->store().template get<T>(request.principal(), request.id()));
  });
}

template <Stored T>
ChangeRoute<T>& Plugin::Resource<T>::create(std::string path) {
  auto change = std::make_shared<ChangeRoute<T>>();
  plugin_->deferred_.push_back(
      [plugin = plugin_, path = path.empty() ? path_ : path, item = path_, tag = tag_, change] {
        RouteOptions options{.summary = "Create",
                             .runs = Runs::fast_read,
                             .body = schema<T>(true),
                             .status = 201,
                             .answer = schema<T>(false, Showing::made),
                             .tag = tag};
        change->adapt(options);
        const auto prepare = [change](Request& request) {
          const Json json = parse_object(request.body());
          std::vector<Fault> faults;
          T value{};
          read_json(json, value, Reading::whole, faults);
          if constexpr (Private<T>) value.owner_id = Id::parse(request.principal().id()).value_or(Id{});
          if (change->check_) change->check_(request, value, nullptr, faults);
          if (!faults.empty()) throw invalid(std::move(faults));
          return [change, value, who = request.principal()](Transaction& tx) {
            T made = value;
            change->before(tx, who, made, nullptr);
            tx.insert(made);
            change->after(tx, who, made, nullptr, "created");
            return made;
          };
        };
        const auto reply = [item](const T& made) {
          Reply reply = ok(made, Showing::made);
          reply.status = 201;
          reply.headers.emplace_back("location", std::string(api_base) + item + "/" + made.id.str());
          return reply;
        };
        plugin->post(path, options, [plugin, prepare, reply](Request request) {
          answer_committed(plugin->store(), std::move(request), prepare, reply);
        });
      });
  return *change;
}

template <Stored T>
ChangeRoute<T>& Plugin::Resource<T>::change(std::string_view method) {
  auto change = std::make_shared<ChangeRoute<T>>();
  plugin_->deferred_.push_back([plugin = plugin_, item = item(), tag = tag_, change, method] {
    RouteOptions options{.summary = method == "PUT" ? "Replace the members given" : "Change the members given",
                         .runs = Runs::fast_read,
                         .body = schema<T>(true),
                         .answer = schema<T>(),
                         .tag = tag};
    options.body.erase("required");
    if (method == "PATCH") options.body_type = "merge";
    change->adapt(options);
    const auto prepare = [plugin, change](Request& request) {
      const Id id = request.id();
      const Json json = parse_object(request.body());
      std::vector<Fault> faults;
      T trial{};
      read_json(json, trial, Reading::partial, faults);
      if (!faults.empty()) throw invalid(std::move(faults));
      if (change->check_) {
        const T before = plugin->store().template get<T>(request.principal(), id);
        T now = before;
        read_json(json, now, Reading::partial, faults);
        change->check_(request, now, &before, faults);
        if (!faults.empty()) throw invalid(std::move(faults));
      }
      const std::string if_match(request.header("if-match").value_or(""));
      return [change, json, id, who = request.principal(), if_match](Transaction& tx) {
        const T before = tx.get<T>(who, id);
        require_match(if_match, before);
        T now = before;
        std::vector<Fault> none;
        read_json(json, now, Reading::partial, none);
        change->before(tx, who, now, &before);
        tx.update(now);
        change->after(tx, who, now, &before, "updated");
        return now;
      };
    };
    plugin->route(method, item, options, [plugin, prepare](Request request) {
      answer_committed(plugin->store(), std::move(request), prepare, [](const T& now) { return ok(now); });
    });
  });
  return *change;
}
template <Stored T>
ChangeRoute<T>& Plugin::Resource<T>::update() {
  return change("PATCH");
}
template <Stored T>
ChangeRoute<T>& Plugin::Resource<T>::replace() {
  return change("PUT");
}

template <Stored T>
ChangeRoute<T>& Plugin::Resource<T>::remove() {
  auto change = std::make_shared<ChangeRoute<T>>();
  plugin_->deferred_.push_back([plugin = plugin_, item = item(), tag = tag_, change] {
    RouteOptions options{.summary = "Remove", .runs = Runs::io, .status = 204, .tag = tag};
    change->adapt(options);
    const auto prepare = [change](Request& request) {
      const std::string if_match(request.header("if-match").value_or(""));
      return [change, id = request.id(), who = request.principal(), if_match](Transaction& tx) {
        T gone = tx.get<T>(who, id);
        require_match(if_match, gone);
        const T before = gone;
        change->before(tx, who, gone, &before);
        if constexpr (SoftDeleted<T>) {
          gone.deleted_at = Time::now();
          tx.update(gone);
        } else {
          tx.erase(gone);
        }
        change->after(tx, who, gone, &before, "deleted");
        return gone;
      };
    };
    plugin->remove(item, options, [plugin, prepare](Request request) {
      answer_committed(plugin->store(), std::move(request), prepare, [](const T&) { return no_content(); });
    });
  });
  return *change;
}

}  // namespace atrium
