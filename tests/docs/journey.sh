# What docs/writing-plugins.md and docs/plugins/upgrades.md have an author type, in that order, in an empty folder that
# has the SDK's sources in it. Run by test_journey.py: it answers every question with yes.
set -euo pipefail

# [sdk]
cmake -S sdk -B build/sdk && cmake --install build/sdk --prefix ~/.local
export CMAKE_PREFIX_PATH=~/.local
# [end]

# [new]
atrium plugin new todo-list              # --language c, --language rust
# [end]

# [build]
cd todo-list
cmake -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo
cmake --build build
ctest --test-dir build --output-on-failure
# [end]

# [key]
atrium plugin keygen vendor.key          # once; vendor.key.pub goes to who installs your plugins
# [end]

# [serve]
ATRIUM_PLUGINS_TRUSTED_KEYS=$PWD/vendor.key.pub atrium serve &
# [end]
kernel=$!
trap 'kill "$kernel"; wait "$kernel"' EXIT
until curl -sf "$ATRIUM_URL/health" >/dev/null; do kill -0 "$kernel"; done
credentials='"email": "ada@example.org", "password": "correct horse battery staple 7"'
curl -sf --json "{$credentials, \"full_name\": \"Ada\", \"setup_token\": \"$(cat atrium-data/setup-token)\"}" \
  "$ATRIUM_URL/api/v1/auth/register"
ATRIUM_TOKEN=$(curl -sf --json "{$credentials}" "$ATRIUM_URL/api/v1/auth/login" | jq -r .access_token)
export ATRIUM_TOKEN

# [install]
atrium plugin pack build/plugins/todo-list --key vendor.key        # todo-list-0.1.0.atp
atrium plugin install todo-list-0.1.0.atp                          # shows what it asks for, and asks you
curl -sf "$ATRIUM_URL/api/v1/todo-list" -H "Authorization: Bearer $ATRIUM_TOKEN"
# [end]

# [verify]
atrium plugin verify todo-list-0.1.0.atp --key vendor.key.pub      # checks it, and shows what the plugin asks for
# [end]

sed -i 's/"version": "0.1.0"/"version": "0.2.0"/' plugin.json
cmake --build build
atrium plugin pack build/plugins/todo-list --key vendor.key
# [upgrade]
atrium plugin upgrade todo-list-0.2.0.atp
# [end]
atrium plugin show todo-list --json | grep -q '"version": "0.2.0"'
