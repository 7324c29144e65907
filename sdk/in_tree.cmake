# Inside the whole tree the SDK is installed into the build folder, and the plugins see only that copy.
set(ATRIUM_SDK_PREFIX ${CMAKE_BINARY_DIR}/sdk-installed)
set(install_command ${CMAKE_COMMAND} --install ${CMAKE_BINARY_DIR}/sdk-build --prefix ${ATRIUM_SDK_PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_SOURCE_DIR} -B ${CMAKE_BINARY_DIR}/sdk-build -G Ninja
  -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${install_command} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE sdk_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/include/* ${CMAKE_CURRENT_SOURCE_DIR}/testing/* ${CMAKE_CURRENT_SOURCE_DIR}/cmake/*)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/sdk-installed.stamp DEPENDS ${sdk_files}
  COMMAND ${install_command} > ${CMAKE_BINARY_DIR}/sdk-installed.log
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/sdk-installed.stamp VERBATIM)
add_custom_target(sdk_installed ALL DEPENDS ${CMAKE_BINARY_DIR}/sdk-installed.stamp)
set(Atrium_DIR ${ATRIUM_SDK_PREFIX}/${config_dir} CACHE PATH "" FORCE)

if(ATRIUM_TESTS)
  # Beside the plugins of the release, not among them: no kernel loads these by itself.
  set(ATRIUM_PLUGINS_FOLDER ${CMAKE_BINARY_DIR}/samples)
  add_subdirectory(samples)
  add_subdirectory(samples/guide)
  unset(ATRIUM_PLUGINS_FOLDER)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testing/*_test.cpp)
  if(tests)
    find_package(GTest REQUIRED)
    include(GoogleTest)
    find_package(Atrium REQUIRED)
    add_executable(sdk_test ${tests})
    atrium_unit_test(sdk_test)
    add_dependencies(sdk_test sdk_installed)
    target_link_libraries(sdk_test PRIVATE Atrium::sdk Atrium::testing GTest::gtest_main)
    gtest_discover_tests(sdk_test TEST_PREFIX "sdk." DISCOVERY_MODE PRE_TEST)
  endif()
endif()
