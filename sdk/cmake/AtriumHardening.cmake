# The OpenSSF compiler hardening guide, as far as g++ 12 has it. Used by the kernel and by atrium_add_plugin().
add_library(atrium_hardening INTERFACE)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i.86)$")
  set(control_flow -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(control_flow -mbranch-protection=standard)
endif()
target_compile_options(atrium_hardening INTERFACE
  -Wall -Wextra -Wformat=2 -Wformat-security -Werror=format-security -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  -fstack-protector-strong -fstack-clash-protection ${control_flow}
  -fno-strict-overflow -fno-delete-null-pointer-checks -ftrivial-auto-var-init=zero
  -D_GLIBCXX_ASSERTIONS $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique> -ffunction-sections -fdata-sections)
target_link_options(atrium_hardening INTERFACE
  -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
if(ATRIUM_SANITIZE)
  # What UBSan asks of each pointer (null, alignment) doubles the time to compile; of a null one the address sanitizer
  # tells as well.
  target_compile_options(atrium_hardening INTERFACE -fsanitize=${ATRIUM_SANITIZE} -fno-sanitize=null,alignment
    -fno-omit-frame-pointer)
  target_link_options(atrium_hardening INTERFACE -fsanitize=${ATRIUM_SANITIZE})
else()
  set(optimised $<AND:$<NOT:$<CONFIG:Debug>>,$<NOT:$<BOOL:$<TARGET_PROPERTY:ATRIUM_UNIT_TEST>>>>)
  target_compile_options(atrium_hardening INTERFACE $<${optimised}:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
endif()

# A program of unit tests: compiled in half the time without optimisation.
function(atrium_unit_test target)
  set_target_properties(${target} PROPERTIES ATRIUM_UNIT_TEST ON)
  target_compile_options(${target} PRIVATE -O0)
endfunction()
